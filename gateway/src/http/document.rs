//! What holds for every route of the document, said once: the macros know each route by itself.

use serde_json::{Map, Value, json};

/// A text of ours has no control character; PostgreSQL could not even keep a NUL.
const TEXT: &str = "^[^\\x00-\\x1f\\x7f-\\x9f]+$";
/// Bare; a quoted one is read too.
const KEY: &str = "^[!#-~]([ -~]*[!-~])?$";
const VERSIONS: &str = "^(\\*|\"[0-9]+\"(, *\"[0-9]+\")*)$";

/// The document as it is served.
pub fn finished(mut document: Value) -> Value {
    for (_, path) in entries(document.get_mut("paths")) {
        for (method, operation) in entries(Some(path)) {
            describe(operation);
            headers(method, operation);
            for parameter in items(operation.get_mut("parameters")) {
                letters(parameter);
            }
        }
    }
    if let Some(schemas) = document.pointer_mut("/components/schemas") {
        name_items(schemas);
    }
    texts(&mut document);
    document
}

/// Where nothing more is to be said, the summary is the description.
fn describe(operation: &mut Value) {
    if operation.get("description").is_none() {
        operation["description"] = operation["summary"].clone();
    }
    for (status, response) in entries(operation.get_mut("responses")) {
        let usual = if status == "201" { "Carried out" } else { "As asked" };
        let response = response.as_object_mut();
        response.map(|fields| fields.entry("description").or_insert_with(|| usual.into()));
    }
}

/// What the gateway says in headers wherever it answers so.
fn headers(method: &str, operation: &mut Value) {
    let header = |text: &str, of: &str| json!({"description": text, "schema": {"type": of}});
    for (status, response) in entries(operation.get_mut("responses")) {
        let told: &[(&str, Value)] = match status.as_str() {
            "401" => &[("WWW-Authenticate", header("How to say who you are", "string"))],
            "429" | "503" => &[("Retry-After", header("Seconds to wait", "integer"))],
            "200" | "201" if method == "post" => &[
                ("Idempotency-Key", header("Under which the call may be repeated", "string")),
                ("Idempotent-Replayed", header("`true` where this is a repeat", "string")),
            ],
            _ => continue,
        };
        let named = told.iter().map(|(name, header)| ((*name).to_owned(), header.clone()));
        match response.get_mut("headers").and_then(Value::as_object_mut) {
            Some(there) => there.extend(named),
            None => response["headers"] = named.collect::<Map<_, _>>().into(),
        }
    }
}

/// Which letters the two headers may have that stand in many places.
fn letters(parameter: &mut Value) {
    match parameter["name"].as_str() {
        Some("Idempotency-Key") => parameter["schema"]["pattern"] = KEY.into(),
        Some("If-Match") => parameter["schema"]["pattern"] = VERSIONS.into(),
        _ => {}
    }
}

/// A page writes its items out once more; their own name says it shorter.
fn name_items(schemas: &mut Value) {
    let known: Vec<String> = entries(Some(schemas)).map(|(name, _)| name.clone()).collect();
    for (name, schema) in entries(Some(schemas)) {
        let item = name.strip_prefix("Page_").filter(|item| known.iter().any(|name| name == item));
        if let (Some(item), Some(data)) = (item, schema.pointer_mut("/properties/data")) {
            data["items"] = json!({"$ref": format!("#/components/schemas/{item}")});
        }
    }
}

/// Every text with a greatest length and no form of its own is one of ours.
fn texts(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let ours = fields.contains_key("maxLength") && !fields.contains_key("pattern");
            if ours {
                fields.insert("pattern".to_owned(), TEXT.into());
            }
            fields.values_mut().for_each(texts);
        }
        Value::Array(values) => values.iter_mut().for_each(texts),
        _ => {}
    }
}

fn entries(value: Option<&mut Value>) -> impl Iterator<Item = (&String, &mut Value)> {
    value.and_then(Value::as_object_mut).into_iter().flatten()
}

fn items(value: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    value.and_then(Value::as_array_mut).into_iter().flatten()
}
