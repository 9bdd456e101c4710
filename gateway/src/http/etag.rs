//! Versions of stock rows as entity tags: `"17"`.

use super::problem::{Fault, Problem};
use axum::http::{HeaderMap, HeaderValue, header};
use inventory_core::refusal::Code;

/// Versions of one header: each may cost a question to the database.
const VERSIONS_MAX: usize = 16;

pub fn tag(version: i64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).unwrap_or(HeaderValue::from_static("\"0\""))
}

/// What an If-Match header asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Match {
    Any,
    /// One of these versions; those that are none of ours match nothing.
    Versions(Vec<i64>),
}

impl Match {
    /// The header, which must be there.
    pub fn required(headers: &HeaderMap) -> Result<Match, Problem> {
        let values = texts(headers, header::IF_MATCH);
        if values.is_empty() {
            let detail = "send If-Match with the ETag that GET gave for this row";
            return Err(Problem::new(Fault::PreconditionRequired, detail));
        }
        let tags = || values.iter().flat_map(|value| value.split(',')).map(str::trim);
        if tags().any(|tag| tag == "*") {
            return Ok(Match::Any);
        }
        // A weak tag matches nothing here: If-Match compares strongly.
        Ok(Match::Versions(tags().filter_map(version).collect()))
    }

    /// What the row's version may be, to be tried in turn: None for any.
    pub fn expected(self) -> Result<Vec<Option<i64>>, Problem> {
        match self {
            Match::Any => Ok(vec![None]),
            Match::Versions(versions) if versions.len() > VERSIONS_MAX => {
                let detail = format!("If-Match must name at most {VERSIONS_MAX} versions");
                Err(Problem::invalid("If-Match", detail))
            }
            Match::Versions(versions) if versions.is_empty() => Err(Problem::refused(
                Code::VersionConflict,
                "If-Match names no version that this row ever had",
            )),
            Match::Versions(versions) => Ok(versions.into_iter().map(Some).collect()),
        }
    }
}

/// Whether If-None-Match names this version, so that the answer may be 304.
pub fn is_known(headers: &HeaderMap, known: i64) -> bool {
    texts(headers, header::IF_NONE_MATCH).iter().flat_map(|value| value.split(',')).any(|tag| {
        let tag = tag.trim();
        tag == "*" || version(tag.strip_prefix("W/").unwrap_or(tag)) == Some(known)
    })
}

fn texts(headers: &HeaderMap, name: header::HeaderName) -> Vec<&str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect()
}

fn version(tag: &str) -> Option<i64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_static(value))])
    }

    #[test]
    fn tags_are_read_as_they_are_written() {
        assert_eq!(tag(17), "\"17\"");
        assert!(Match::required(&HeaderMap::new()).is_err());
        assert_eq!(Match::required(&headers("*")).unwrap(), Match::Any);
        let read = |value| Match::required(&headers(value)).unwrap();
        assert_eq!(read("\"3\", \"4\""), Match::Versions(vec![3, 4]));
        assert_eq!(read("W/\"3\""), Match::Versions(vec![]));
        assert!(read("abc").expected().is_err());
        assert_eq!(read("*").expected().unwrap(), [None]);
        assert_eq!(read("\"3\", \"4\"").expected().unwrap(), [Some(3), Some(4)]);
        assert!(Match::Versions(vec![1; 17]).expected().is_err());
    }
}
