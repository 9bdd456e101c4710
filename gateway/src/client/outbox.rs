use super::{Ask, Client};
use crate::error::Result;
use crate::http::page;
use crate::store::{Caller, OutboxEvent, OutboxPlace};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Redriven {
    replayed: bool,
}

impl Client {
    /// Newest first, those after `after`, of one status or of all.
    pub async fn outbox(
        &self,
        status: Option<&str>,
        after: Option<&OutboxPlace>,
        limit: i64,
    ) -> Result<Vec<OutboxEvent>> {
        let ask = || Ask::get(["v1", "outbox"]).query("status", status);
        self.list(ask, after.map(page::write), limit, |event: OutboxEvent| vec![event]).await
    }

    pub async fn redrive(&self, id: i64, sink: Option<&str>, caller: &Caller) -> Result<bool> {
        let path = ["v1", "outbox", &id.to_string(), "redrive"];
        let ask = Ask::post(path, json!({ "sink": sink })).of(caller)?;
        let Redriven { replayed } = self.send(ask).await?.json()?;
        Ok(replayed)
    }
}
