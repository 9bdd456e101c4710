//! What makes a command safe to repeat over HTTP: the request id that the engine knows it by comes
//! from principal, route and key.

use super::access::{Access, Needs, Principal};
use super::problem::Problem;
use super::trace::TraceId;
use crate::serve::app::App;
use crate::store::Caller;
use axum::extract::{FromRequestParts, MatchedPath};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method};
use axum::response::{IntoResponse, Response};
use std::marker::PhantomData;
use std::sync::Arc;
use uuid::Uuid;

pub const KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Separates our ids from everybody else's made of the same words.
const NAMESPACE: Uuid = Uuid::from_u128(0x5d0c_6d0e_8e0c_4b6f_9a3e_1f6b_7f0a_9c21);
const KEY_MAX: usize = 255;

/// A request that changes something: who asks, and under which id.
pub struct Command<N: Needs> {
    pub principal: Principal,
    pub trace: TraceId,
    /// A POST without a key is given one; PUT and DELETE need none.
    pub key: Option<String>,
    pub request_id: Option<Uuid>,
    /// The caller chose the key, so this may be a repeat.
    pub repeatable: bool,
    needs: PhantomData<N>,
}

impl<N: Needs> FromRequestParts<Arc<App>> for Command<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Problem> {
        let principal = Access::<N>::from_request_parts(parts, app).await?.0;
        let mut key = given(&parts.headers)?;
        let repeatable = key.is_some();
        if key.is_none() && parts.method == Method::POST {
            key = Some(Uuid::new_v4().to_string());
        }
        let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let request_id =
            key.as_ref().map(|key| request_id(&principal.id, &parts.method, route, key));
        let trace = parts.extensions.get::<TraceId>().cloned().unwrap_or_else(TraceId::fresh);
        Ok(Command { principal, trace, key, request_id, repeatable, needs: PhantomData })
    }
}

impl<N: Needs> Command<N> {
    /// As the store's commands take it.
    pub fn caller(&self) -> Caller {
        Caller {
            request_id: self.request_id,
            operator: Some(self.principal.name.to_string()),
            trace_id: Some(self.trace.as_str().to_owned()),
        }
    }

    /// The id of a POST, which always has one.
    pub fn id(&self) -> Uuid {
        self.request_id.unwrap_or_else(Uuid::new_v4)
    }

    /// An answer that says under which key it may be asked for again.
    pub fn answer(&self, response: impl IntoResponse, replayed: bool) -> Response {
        let mut response = response.into_response();
        if let Some(key) = self.key.as_deref().and_then(|key| HeaderValue::from_str(key).ok()) {
            response.headers_mut().insert(KEY, key);
        }
        if replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }

    /// A refusal under the same key.
    pub fn refuse(&self, mut problem: Problem) -> Problem {
        if let Some(key) = self.key.as_deref().and_then(|key| HeaderValue::from_str(key).ok()) {
            problem.replace_header(KEY, key);
        }
        problem
    }
}

/// 1 to 255 printable characters, bare or as a quoted string.
fn given(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(&KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().and_then(|text| unquoted(text.trim()));
    let key = key.filter(|key| {
        (1..=KEY_MAX).contains(&key.len()) && key.bytes().all(|b| (b' '..=b'~').contains(&b))
    });
    match key {
        Some(key) if values.next().is_none() => Ok(Some(key)),
        _ => Err(Problem::invalid(
            "Idempotency-Key",
            "Idempotency-Key must be one key of 1 to 255 printable characters",
        )),
    }
}

/// Of a quoted string (RFC 8941) what is in it; None where the quotes are not closed.
fn unquoted(text: &str) -> Option<String> {
    let Some(inside) = text.strip_prefix('"') else { return Some(text.to_owned()) };
    let inside = inside.strip_suffix('"')?;
    let mut key = String::with_capacity(inside.len());
    let mut characters = inside.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => key.push(characters.next().filter(|c| matches!(c, '"' | '\\'))?),
            '"' => return None,
            other => key.push(other),
        }
    }
    Some(key)
}

fn request_id(principal: &str, method: &Method, route: &str, key: &str) -> Uuid {
    let name = [principal, method.as_str(), route, key].join("\0");
    Uuid::new_v5(&NAMESPACE, name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_key_is_the_bare_one() {
        assert_eq!(unquoted("abc").as_deref(), Some("abc"));
        assert_eq!(unquoted("\"abc\"").as_deref(), Some("abc"));
        assert_eq!(unquoted(r#""a\"b\\c""#).as_deref(), Some(r#"a"b\c"#));
        for broken in ["\"abc", "\"", r#""a"b""#, r#""a\b""#] {
            assert_eq!(unquoted(broken), None, "{broken}");
        }
    }

    #[test]
    fn ids_differ_with_each_part() {
        let id = |p: &str, r: &str, k: &str| request_id(p, &Method::POST, r, k);
        let ids = [
            id("a", "/v1/x", "k"),
            id("b", "/v1/x", "k"),
            id("a", "/v1/y", "k"),
            id("a", "/v1/x", "l"),
        ];
        assert_eq!(ids.iter().collect::<std::collections::HashSet<_>>().len(), 4);
        assert_eq!(id("a", "/v1/x", "k"), ids[0]);
    }
}
