use super::{Ask, Client};
use crate::error::Result;
use crate::http::page;
use crate::store::{Caller, HotPlace, HotSku};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Called {
    changed: bool,
}

impl Client {
    /// The most wanted first, those after `after`.
    pub async fn hot_skus(&self, after: Option<&HotPlace>, limit: i64) -> Result<Vec<HotSku>> {
        let cursor = after.map(page::write);
        self.list(|| Ask::get(["v1", "hot"]), cursor, limit, |hot: HotSku| vec![hot]).await
    }

    pub async fn set_hot(&self, sku: &str, hot: bool, caller: &Caller) -> Result<bool> {
        let ask = Ask::put(["v1", "hot", sku], json!({ "hot": hot })).of(caller)?;
        let Called { changed } = self.send(ask).await?.json()?;
        Ok(changed)
    }
}
