//! Every answer that is no 2xx: a problem document (RFC 9457).

use crate::deduct::batch::Failed;
use crate::error::{Error, Refused};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use inventory_core::Refusal;
use inventory_core::refusal::{CATALOGUE, Code};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What goes wrong before or beside the engine. The engine's own refusals are in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    Unreadable,
    Unauthorized,
    Forbidden,
    NoRoute,
    NoMethod,
    Timeout,
    TooLarge,
    AddressTooLong,
    MediaType,
    PreconditionRequired,
    RateLimited,
    HeadTooLarge,
    Internal,
    Overloaded,
    Away,
    Conflict,
}

struct Entry {
    fault: Fault,
    code: &'static str,
    status: u16,
    title: &'static str,
    retryable: bool,
}

const fn entry(
    fault: Fault,
    code: &'static str,
    status: u16,
    title: &'static str,
    retryable: bool,
) -> Entry {
    Entry { fault, code, status, title, retryable }
}

#[rustfmt::skip]
const FAULTS: [Entry; 16] = [
    entry(Fault::Unreadable, "unreadable_body", 400, "the request cannot be read", false),
    entry(Fault::Unauthorized, "unauthorized", 401, "no valid key or token was given", false),
    entry(Fault::Forbidden, "forbidden", 403, "the key or token does not allow this", false),
    entry(Fault::NoRoute, "not_found", 404, "there is nothing at this address", false),
    entry(Fault::NoMethod, "method_not_allowed", 405, "this address does not take that method", false),
    entry(Fault::Timeout, "request_timeout", 408, "the request did not arrive in time", true),
    entry(Fault::TooLarge, "payload_too_large", 413, "the body is too large", false),
    entry(Fault::AddressTooLong, "address_too_long", 414, "the address is too long", false),
    entry(Fault::MediaType, "unsupported_media_type", 415, "the body must be application/json", false),
    entry(Fault::PreconditionRequired, "precondition_required", 428, "say which version you have seen, with If-Match", false),
    entry(Fault::RateLimited, "rate_limited", 429, "too many requests", true),
    entry(Fault::HeadTooLarge, "head_too_large", 431, "the head of the request is too large", false),
    entry(Fault::Internal, "internal_error", 500, "something went wrong here", false),
    entry(Fault::Overloaded, "overloaded", 503, "more work waits than can be done in time", true),
    entry(Fault::Away, "database_unavailable", 503, "the database does not answer", true),
    entry(Fault::Conflict, "concurrent_update", 503, "another transaction was in the way", true),
];

impl Fault {
    fn entry(self) -> &'static Entry {
        &FAULTS[self as usize]
    }

    pub fn code(self) -> &'static str {
        self.entry().code
    }
}

/// A kind of problem as documents describe it.
pub struct Kind {
    pub code: &'static str,
    pub status: u16,
    pub title: &'static str,
}

impl From<Fault> for Kind {
    fn from(fault: Fault) -> Kind {
        let Entry { code, status, title, .. } = *fault.entry();
        Kind { code, status, title }
    }
}

impl From<Code> for Kind {
    fn from(code: Code) -> Kind {
        Kind { code: code.as_str(), status: code.http_status(), title: code.title() }
    }
}

/// All of them: the engine's, then the gateway's.
pub fn kinds() -> impl Iterator<Item = Kind> {
    let ours = FAULTS.iter().map(|entry| Kind::from(entry.fault));
    CATALOGUE.iter().map(|entry| Kind::from(entry.code)).chain(ours)
}

/// `/errors/insufficient-stock`
pub fn type_of(code: &str) -> String {
    format!("/errors/{}", code.replace('_', "-"))
}

/// One field that is wrong.
#[derive(Clone, Debug, Serialize)]
pub struct FieldError {
    /// RFC 6901, into the body; a query parameter or header by its name.
    pub pointer: String,
    pub detail: String,
}

/// A problem on its way out; `observe` adds where it happened and writes it.
#[derive(Clone, Debug)]
pub struct Problem {
    pub status: StatusCode,
    pub code: &'static str,
    pub title: &'static str,
    pub detail: String,
    pub retryable: bool,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// Members in the order in which people read them.
#[derive(Serialize)]
pub struct Document<'p> {
    r#type: String,
    title: &'p str,
    status: u16,
    detail: &'p str,
    instance: &'p str,
    code: &'p str,
    trace_id: &'p str,
    retryable: bool,
    #[serde(flatten)]
    members: &'p Map<String, Value>,
}

/// Seconds after which a retry is worth it.
const RETRY_AFTER: u32 = 1;

impl Problem {
    pub fn new(fault: Fault, detail: impl Into<String>) -> Problem {
        let entry = fault.entry();
        Problem::of(entry.code, entry.status, entry.title, entry.retryable, detail.into())
    }

    fn of(
        code: &'static str,
        status: u16,
        title: &'static str,
        retryable: bool,
        detail: String,
    ) -> Problem {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let problem = Problem {
            status,
            code,
            title,
            detail,
            retryable,
            members: Map::new(),
            headers: Vec::new(),
        };
        match status {
            StatusCode::SERVICE_UNAVAILABLE => problem.retry_after(RETRY_AFTER),
            StatusCode::UNAUTHORIZED => problem.header(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"inventory\""),
            ),
            _ => problem,
        }
    }

    pub fn refused(code: Code, detail: impl Into<String>) -> Problem {
        let entry = code.entry();
        Problem::of(entry.name, entry.http_status, entry.title, entry.retryable, detail.into())
    }

    /// As the engine tells it, with the members that its detail has.
    pub fn told(code: Code, detail: &str) -> Problem {
        if code == Code::InvalidArgument {
            // Of the whole body: the engine's names are not always those of a field here.
            return Problem::invalid("", detail);
        }
        let problem = Problem::refused(code, detail);
        match requested_and_available(code, detail) {
            Some((requested, available)) => {
                problem.with("requested", requested).with("available", available)
            }
            None => problem,
        }
    }

    /// An argument that is not valid, and where it stands.
    pub fn invalid(pointer: impl Into<String>, detail: impl Into<String>) -> Problem {
        let (pointer, detail) = (pointer.into(), detail.into());
        let errors = json!([FieldError { pointer, detail: detail.clone() }]);
        Problem::refused(Code::InvalidArgument, detail).with("errors", errors)
    }

    /// Adds a member of its type.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.members.insert(name.to_owned(), value.into());
        self
    }

    /// Names the SKU that it is about, where it is about one.
    pub fn about(self, sku: &str) -> Problem {
        let codes = [Code::InsufficientStock, Code::UnknownSku, Code::UnknownLot, Code::Busy];
        match codes.iter().any(|code| code.as_str() == self.code) {
            true => self.with("sku", sku),
            false => self,
        }
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.headers.push((name, value));
        self
    }

    /// In place of what its kind says.
    pub fn replace_header(&mut self, name: HeaderName, value: HeaderValue) {
        self.headers.retain(|(there, _)| *there != name);
        self.headers.push((name, value));
    }

    /// In whole seconds.
    pub fn retry_after(mut self, seconds: u32) -> Problem {
        self.replace_header(header::RETRY_AFTER, seconds.into());
        self
    }

    /// The document, for a request at `instance`.
    pub fn document<'p>(&'p self, instance: &'p str, trace_id: &'p str) -> Document<'p> {
        Document {
            r#type: type_of(self.code),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            code: self.code,
            trace_id,
            retryable: self.retryable,
            members: &self.members,
        }
    }

    pub fn write(&self, instance: &str, trace_id: &str) -> Response {
        let body = serde_json::to_string(&self.document(instance, trace_id)).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        for (name, value) in &self.headers {
            headers.insert(name, value.clone());
        }
        response
    }
}

/// As an extension, for `observe` to write.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        Problem::refused(refusal.code, refusal.detail)
    }
}

impl From<&Refused> for Problem {
    fn from(refused: &Refused) -> Problem {
        Problem::told(refused.code, refused.in_short())
    }
}

/// The two numbers that the detail of `insufficient_stock` names, in the catalogue's wording.
pub fn requested_and_available(code: Code, detail: &str) -> Option<(i64, i64)> {
    if code != Code::InsufficientStock {
        return None;
    }
    let (requested, available) =
        detail.strip_prefix("requested ")?.split_once(" units, available: ")?;
    Some((requested.parse().ok()?, available.parse().ok()?))
}

impl From<Error> for Problem {
    fn from(error: Error) -> Problem {
        Problem::from(&error)
    }
}

/// No word of PostgreSQL's reaches a client.
impl From<&Error> for Problem {
    fn from(error: &Error) -> Problem {
        match error {
            Error::Refused(refused) => Problem::from(refused.as_ref()),
            Error::Unreachable { .. } => {
                tracing::warn!(error = %error, "the database does not answer");
                Problem::new(Fault::Away, "the database does not answer; try again")
            }
            Error::Database { sqlstate, .. } => of_database(sqlstate, error),
            _ => {
                tracing::error!(error = %error, "a request failed");
                Problem::new(Fault::Internal, "the failure is in the log under this trace id")
            }
        }
    }
}

fn of_database(sqlstate: &str, error: &Error) -> Problem {
    match sqlstate {
        // What no text or number of PostgreSQL's may hold: a NUL, half a surrogate pair.
        class if class.starts_with("22") => Problem::refused(
            Code::InvalidArgument,
            "a value cannot be stored: it holds characters or numbers that PostgreSQL does not take",
        ),
        "55P03" => Problem::refused(Code::Busy, "another transaction holds this stock"),
        "40001" | "40P01" => {
            Problem::new(Fault::Conflict, "another transaction was in the way; try again")
        }
        "57014" => Problem::new(Fault::Overloaded, "the database took too long; try again"),
        "25006" => Problem::new(Fault::Away, "the database is read-only now; try again"),
        class if class.starts_with("53") || class.starts_with("57") || class.starts_with("58") => {
            tracing::warn!(%error, "the database cannot work");
            Problem::new(Fault::Away, "the database cannot work now; try again")
        }
        _ => {
            tracing::error!(%error, "a statement failed");
            Problem::new(Fault::Internal, "the failure is in the log under this trace id")
        }
    }
}

impl From<Failed> for Problem {
    fn from(failed: Failed) -> Problem {
        match failed {
            Failed::Overloaded => Problem::new(
                Fault::Overloaded,
                "more work waits than can be done in time; try again",
            ),
            Failed::Closing => {
                Problem::new(Fault::Overloaded, "the service is going down; try again")
            }
            Failed::Away { retry_after } => away(retry_after),
            Failed::Database(error) => Problem::from(error.as_ref()),
        }
    }
}

/// For somebody who is not even asked.
pub fn away(retry_after: Duration) -> Problem {
    let seconds = u32::try_from(retry_after.as_secs()).unwrap_or(u32::MAX).max(RETRY_AFTER);
    Problem::new(Fault::Away, "the database does not answer; try again later").retry_after(seconds)
}

pub async fn no_route(uri: Uri) -> Problem {
    Problem::new(Fault::NoRoute, format!("nothing is at {}; /docs lists what is", uri.path()))
}

pub async fn no_method(method: Method, uri: Uri) -> Problem {
    let detail = format!("{} does not take {method}; see the Allow header", uri.path());
    Problem::new(Fault::NoMethod, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_in_the_order_of_their_enum() {
        for (at, entry) in FAULTS.iter().enumerate() {
            assert_eq!(entry.fault as usize, at, "{}", entry.code);
        }
    }

    #[test]
    fn the_document_is_the_contract_s() {
        let refusal = Refused {
            code: Code::InsufficientStock,
            message: String::new(),
            detail: Some("requested 10 units, available: 3".into()),
            hint: None,
        };
        let problem = Problem::from(&refusal);
        let document = serde_json::to_value(problem.document("/v1/deductions", "abc")).unwrap();
        assert_eq!(document["type"], "/errors/insufficient-stock");
        assert_eq!(document["detail"], "requested 10 units, available: 3");
        assert_eq!(document["status"], 400);
        assert_eq!((&document["requested"], &document["available"]), (&json!(10), &json!(3)));
    }
}
