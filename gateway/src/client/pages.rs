use super::{Ask, Client};
use crate::error::Result;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Rows of one answer.
const PAGE: i64 = 100;

#[derive(Deserialize)]
struct Page<T> {
    data: Vec<T>,
    next_cursor: Option<String>,
}

impl Client {
    /// Rows of a list until there are `limit`, however many pages that takes. `rows` makes them of
    /// what stands in a page.
    pub(super) async fn list<D: DeserializeOwned, T>(
        &self,
        ask: impl Fn() -> Ask,
        mut cursor: Option<String>,
        limit: i64,
        rows: impl Fn(D) -> Vec<T>,
    ) -> Result<Vec<T>> {
        let wanted = usize::try_from(limit).unwrap_or_default();
        let mut found = Vec::new();
        loop {
            let asked = ask().query("limit", Some(limit.min(PAGE))).query("cursor", cursor.take());
            let page: Page<D> = self.send(asked).await?.json()?;
            found.extend(page.data.into_iter().flat_map(&rows));
            cursor = page.next_cursor;
            if found.len() >= wanted || cursor.is_none() {
                found.truncate(wanted);
                return Ok(found);
            }
        }
    }
}
