use super::{Ask, Client};
use crate::error::Result;
use crate::http::page;
use crate::store::{Caller, Saga, SagaDetail, SagaFilter, SagaMoved};
use serde_json::{Value, json};
use uuid::Uuid;

impl Client {
    /// Of the definition that the gateway has under that name.
    pub async fn begin_saga(
        &self,
        saga: &str,
        input: &Value,
        caller: &Caller,
    ) -> Result<SagaMoved> {
        let body = json!({ "saga": saga, "input": input });
        self.send(Ask::post(["v1", "sagas"], body).of(caller)?).await?.json()
    }

    pub async fn retry_saga(&self, id: Uuid, revert: bool, caller: &Caller) -> Result<SagaMoved> {
        let path = ["v1", "sagas", &id.to_string(), "retry"];
        self.send(Ask::post(path, json!({ "revert": revert })).of(caller)?).await?.json()
    }

    pub async fn saga_detail(&self, id: Uuid) -> Result<SagaDetail> {
        self.send(Ask::get(["v1", "sagas", &id.to_string()])).await?.json()
    }

    pub async fn sagas(&self, filter: &SagaFilter, limit: i64) -> Result<Vec<Saga>> {
        let ask = || Ask::get(["v1", "sagas"]).query("status", filter.state.as_ref());
        let cursor = filter.before.map(|id| page::write(&id));
        self.list(ask, cursor, limit, |row| vec![row]).await
    }
}
