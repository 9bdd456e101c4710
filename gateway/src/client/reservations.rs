use super::{Ask, Client};
use crate::error::Result;
use crate::store::{Caller, Closed, Hold, Reserved, Wanted};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

#[derive(Deserialize)]
struct Ended {
    reservation_id: Uuid,
    state: String,
    order_no: Option<String>,
    replayed: bool,
}

impl Client {
    pub async fn reserve(
        &self,
        wanted: &[Wanted],
        ttl_seconds: i64,
        caller: &Caller,
    ) -> Result<Reserved> {
        let line = |wanted: &Wanted| {
            let goods = &wanted.goods;
            super::without_nulls(json!({
                "sku": goods.sku, "quantity": wanted.quantity, "warehouse_id": goods.warehouse_id,
                "lot": goods.lot,
            }))
        };
        let lines: Vec<Value> = wanted.iter().map(line).collect();
        let body = json!({ "lines": lines, "ttl_seconds": ttl_seconds });
        self.send(Ask::post(["v1", "reservations"], body).of(caller)?).await?.json()
    }

    pub async fn hold(&self, id: Uuid) -> Result<Hold> {
        self.send(Ask::get(["v1", "reservations", &id.to_string()])).await?.json()
    }

    pub async fn confirm(
        &self,
        hold: Uuid,
        quantity: Option<i64>,
        caller: &Caller,
    ) -> Result<Closed> {
        self.close(hold, "confirm", json!({ "quantity": quantity }), caller).await
    }

    pub async fn release(&self, hold: Uuid, reason: &str, caller: &Caller) -> Result<Closed> {
        self.close(hold, "release", json!({ "reason": reason }), caller).await
    }

    async fn close(&self, hold: Uuid, how: &str, body: Value, caller: &Caller) -> Result<Closed> {
        let ask = Ask::post(["v1", "reservations", &hold.to_string(), how], body).of(caller)?;
        let Ended { reservation_id, state, order_no, replayed } = self.send(ask).await?.json()?;
        Ok(Closed { code: "ok".to_owned(), order_no, reservation_id, state, replayed })
    }
}
