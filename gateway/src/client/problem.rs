use super::Reply;
use crate::error::{Error, Refused};
use axum::http::StatusCode;
use inventory_core::refusal::Code;
use serde::Deserialize;

/// What a problem document says that an error tells.
#[derive(Deserialize)]
struct Document {
    title: String,
    detail: String,
    code: String,
}

/// The error behind an answer that is no 2xx.
pub(super) fn read(target: &str, reply: &Reply) -> Error {
    let Some(document) = document(&reply.body) else {
        return Error::Answer(format!(
            "{target} answers with status {} and no problem document",
            reply.status
        ));
    };
    if reply.status == StatusCode::SERVICE_UNAVAILABLE && Code::from_name(&document.code).is_none()
    {
        let Document { code, detail, .. } = document;
        return Error::Unreachable {
            target: target.to_owned(),
            cause: format!("{code}: {detail}"),
        };
    }
    told(document)
}

/// The error behind a problem that came some other way.
pub(super) fn of_text(target: &str, text: &[u8]) -> Error {
    let unreadable = || Error::Answer(format!("{target} tells of a problem that cannot be read"));
    document(text).map_or_else(unreadable, told)
}

fn document(text: &[u8]) -> Option<Document> {
    serde_json::from_slice(text).ok()
}

fn told(document: Document) -> Error {
    let Document { title, detail, code } = document;
    let Some(code) = Code::from_name(&code) else { return Error::Gateway { code, detail } };
    let hint = Some(code.hint().to_owned());
    Error::Refused(Box::new(Refused { code, message: title, detail: Some(detail), hint }))
}
