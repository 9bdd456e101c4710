//! Lists: `{data, next_cursor}`.

use super::problem::Problem;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

const LIMIT: i64 = 50;
const LIMIT_MAX: i64 = 100;

/// Part of a list; `next_cursor` asks for what follows, and is null at its end.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    pub data: Vec<T>,
    pub next_cursor: Option<String>,
}

/// What a query says about the page it wants.
#[derive(Clone, Copy, Debug)]
pub struct Slice {
    limit: i64,
}

impl Slice {
    pub fn new(limit: Option<i64>) -> Result<Slice, Problem> {
        match limit.unwrap_or(LIMIT) {
            limit @ 1..=LIMIT_MAX => Ok(Slice { limit }),
            other => Err(Problem::invalid(
                "limit",
                format!("limit must be 1 to {LIMIT_MAX}, got {other}"),
            )),
        }
    }

    /// One more than is shown, to know whether there is more.
    pub fn to_read(self) -> i64 {
        self.limit + 1
    }

    /// `key` is what the next page begins after, of the last row that is shown.
    pub fn page<T, K: Serialize>(self, mut rows: Vec<T>, key: impl Fn(&T) -> K) -> Page<T> {
        let shown = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > shown;
        rows.truncate(shown);
        let next_cursor = rows.last().filter(|_| more).map(|last| write(&key(last)));
        Page { data: rows, next_cursor }
    }
}

fn write(key: &impl Serialize) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(key).unwrap_or_default())
}

/// A cursor that came back; one that we never gave is refused.
pub fn read<K: for<'de> Deserialize<'de>>(cursor: Option<&str>) -> Result<Option<K>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bytes = URL_SAFE_NO_PAD.decode(cursor).ok();
    let key = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    match key {
        Some(key) => Ok(Some(key)),
        None => Err(Problem::invalid("cursor", "cursor must be a next_cursor of the same list")),
    }
}
