use super::{Ask, Client};
use crate::error::Result;
use crate::store::{Caller, HotSku};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct List {
    data: Vec<HotSku>,
}

#[derive(Deserialize)]
struct Called {
    changed: bool,
}

impl Client {
    /// The most wanted first.
    pub async fn hot_skus(&self, limit: i64) -> Result<Vec<HotSku>> {
        let List { mut data } = self.send(Ask::get(["v1", "hot"])).await?.json()?;
        data.truncate(usize::try_from(limit).unwrap_or_default());
        Ok(data)
    }

    pub async fn set_hot(&self, sku: &str, hot: bool, caller: &Caller) -> Result<bool> {
        let ask = Ask::put(["v1", "hot", sku], json!({ "hot": hot })).of(caller)?;
        let Called { changed } = self.send(ask).await?.json()?;
        Ok(changed)
    }
}
