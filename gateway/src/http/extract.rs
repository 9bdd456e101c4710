//! Bodies, queries and path segments, with a problem for each way in which they can be wrong.

use super::observe::Due;
use super::problem::{Fault, Problem};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use inventory_core::Refusal;
use inventory_core::refusal::Code;
use inventory_core::text::Label;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// A JSON body: unreadable is 400, of another shape 422 with the field that is wrong.
pub struct Body<T>(pub T);

/// A body that may be missing, or null.
pub struct MaybeBody<T>(pub T);

pub struct Params<T>(pub T);

pub struct Segment<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        must_be_json(&request)?;
        parse(&bytes(request, state).await?).map(Body)
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Default> FromRequest<S> for MaybeBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let typed = must_be_json(&request);
        let bytes = bytes(request, state).await?;
        if bytes.is_empty() {
            return Ok(MaybeBody(T::default()));
        }
        typed?;
        if bytes.trim_ascii() == b"null" {
            return Ok(MaybeBody(T::default()));
        }
        parse(&bytes).map(MaybeBody)
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    let due = request.extensions().get().copied();
    let reading = Bytes::from_request(request, state);
    let read = match due {
        Some(Due(at)) => tokio::time::timeout_at(at.into(), reading).await,
        None => Ok(reading.await),
    };
    let late = |_| Problem::new(Fault::Timeout, "the body did not arrive in time");
    read.map_err(late)?.map_err(|rejection: BytesRejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Fault::TooLarge, "the body is too large"),
        _ => Problem::new(Fault::Unreadable, "the body ended early"),
    })
}

fn must_be_json(request: &Request) -> Result<(), Problem> {
    let given = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = given.unwrap_or_default().split(';').next().unwrap_or_default().trim();
    let subtype =
        essence.split_once('/').filter(|(kind, _)| kind.eq_ignore_ascii_case("application"));
    let json = subtype.is_some_and(|(_, subtype)| {
        let subtype = subtype.to_ascii_lowercase();
        subtype == "json" || subtype.ends_with("+json")
    });
    if json {
        return Ok(());
    }
    Err(Problem::new(Fault::MediaType, "send the body with Content-Type: application/json"))
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    match serde_json::from_slice(bytes) {
        Ok(Object(value)) => Ok(value),
        // What is of another shape may be no JSON further on.
        Err(error) => Err(match serde_json::from_slice::<IgnoredAny>(bytes) {
            Ok(_) if error.is_data() => wrong_shape::<T>(bytes, &error),
            Ok(_) => unreadable(&error),
            Err(error) => unreadable(&error),
        }),
    }
}

fn unreadable(error: &serde_json::Error) -> Problem {
    Problem::new(Fault::Unreadable, format!("the body is no JSON: {error}"))
}

/// What is written as an object. By itself a struct would take its fields from a list too.
#[derive(Debug)]
pub struct Object<T>(pub T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

struct Fields<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map))
    }
}

/// For `deserialize_with`: a list of them.
pub fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let objects = Vec::<Object<T>>::deserialize(deserializer)?;
    Ok(objects.into_iter().map(|Object(value)| value).collect())
}

/// Reads once more, slowly, to say where.
fn wrong_shape<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, Object<T>>(reader) {
        Err(found) => Problem::invalid(pointer(found.path()), found.inner().to_string()),
        Ok(_) => Problem::invalid("", error.to_string()),
    }
}

/// The path as RFC 6901 writes it.
fn pointer(path: &serde_path_to_error::Path) -> String {
    use serde_path_to_error::Segment as Part;
    path.iter()
        .map(|part| match part {
            Part::Seq { index } => format!("/{index}"),
            Part::Map { key } => format!("/{}", key.replace('~', "~0").replace('/', "~1")),
            Part::Enum { variant } => format!("/{variant}"),
            Part::Unknown => "/?".to_owned(),
        })
        .collect()
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(params)| Params(params))
            .map_err(|rejection| Problem::invalid("query", rejection.body_text()))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Segment<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(segment)| Segment(segment)).map_err(|_| {
            Problem::invalid(
                "path",
                "a part of the path is not of the form that this address takes",
            )
        })
    }
}

/// A SKU in the path.
pub struct Sku(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Sku {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Segment(sku) = Segment::<String>::from_request_parts(parts, state).await?;
        let label = at(|| "path".to_owned(), Label::new("sku", sku))?;
        Ok(Sku(label.to_string()))
    }
}

/// Says where the argument stands that the rules refuse.
pub fn at<T>(pointer: impl FnOnce() -> String, checked: Result<T, Refusal>) -> Result<T, Problem> {
    checked.map_err(|refusal| match refusal.code {
        Code::InvalidArgument => Problem::invalid(pointer(), refusal.detail),
        _ => refusal.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[allow(dead_code)]
        lines: Vec<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[allow(dead_code)]
        quantity: i64,
    }

    fn refused(text: &str) -> Problem {
        parse::<Outer>(text.as_bytes()).unwrap_err()
    }

    #[test]
    fn what_is_no_json_is_400_and_what_is_of_another_shape_422() {
        for text in ["", "{", "[1,]", "\u{0}", "{\"lines\": [}", "{\"more\": 1,}"] {
            assert_eq!(refused(text).status, StatusCode::BAD_REQUEST, "{text}");
        }
        for text in [
            "1",
            "{}",
            "[[]]",
            "{\"lines\": [{}]}",
            "{\"lines\": [], \"more\": 1}",
            "{\"lines\": [{\"quantity\": 1.5}]}",
        ] {
            assert_eq!(refused(text).status, StatusCode::UNPROCESSABLE_ENTITY, "{text}");
        }
        let problem = refused("{\"lines\": [{\"quantity\": \"3\"}]}");
        let document = serde_json::to_value(problem.document("", "")).unwrap();
        assert_eq!(document["errors"][0]["pointer"], "/lines/0/quantity");
    }
}
