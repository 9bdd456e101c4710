//! Bodies, queries and path segments, with a problem for each way in which they can be wrong.

use super::problem::{Fault, Problem};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use inventory_core::Refusal;
use inventory_core::refusal::Code;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// A JSON body: unreadable is 400, of another shape 422 with the field that is wrong.
pub struct Body<T>(pub T);

/// A body that may be missing.
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
        parse(&bytes).map(MaybeBody)
    }
}

async fn bytes<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, Problem> {
    Bytes::from_request(request, state).await.map_err(|rejection: BytesRejection| {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Fault::TooLarge, "the body is too large"),
            _ => Problem::new(Fault::Unreadable, "the body ended early"),
        }
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
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => wrong_shape::<T>(bytes, &error),
        _ => Problem::new(Fault::Unreadable, format!("the body is no JSON: {error}")),
    })
}

/// Reads once more, slowly, to say where.
fn wrong_shape<T: DeserializeOwned>(bytes: &[u8], error: &serde_json::Error) -> Problem {
    let reader = &mut serde_json::Deserializer::from_slice(bytes);
    match serde_path_to_error::deserialize::<_, T>(reader) {
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
        for text in ["", "{", "[1,]", "\u{0}", "{\"lines\": [}"] {
            assert_eq!(refused(text).status, StatusCode::BAD_REQUEST, "{text}");
        }
        for text in [
            "1",
            "{}",
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
