use super::{Ask, Client};
use crate::error::{Error, Result};
use crate::http::page;
use crate::store::{Caller, Moved, NewOrder, Order, OrderDetail, OrderFilter, Step};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Created {
    order_id: String,
    #[serde(flatten)]
    moved: Moved,
}

impl Client {
    pub async fn create_order(&self, order: &NewOrder, caller: &Caller) -> Result<(i64, Moved)> {
        let body = json!({
            "direction": order.direction, "lines": order.lines, "warehouse_id": order.warehouse_id,
            "external_ref": order.external_ref,
        });
        let ask = Ask::post(["v1", "orders"], body).of(caller)?;
        let Created { order_id, moved } = self.send(ask).await?.json()?;
        let id = order_id.parse().map_err(|_| Error::Answer(format!("order id {order_id:?}")))?;
        Ok((id, moved))
    }

    pub async fn move_order(
        &self,
        order_no: &str,
        step: Step,
        reason: Option<&str>,
        caller: &Caller,
    ) -> Result<Moved> {
        let way = match step {
            Step::Start => "start",
            Step::Complete => "complete",
            Step::Fail => "fail",
            Step::Revert => "revert",
        };
        let ask = Ask::post(["v1", "orders", order_no, way], json!({ "reason": reason }));
        self.send(ask.of(caller)?).await?.json()
    }

    pub async fn order_detail(&self, order_no: &str) -> Result<OrderDetail> {
        self.send(Ask::get(["v1", "orders", order_no])).await?.json()
    }

    pub async fn orders(&self, filter: &OrderFilter, limit: i64) -> Result<Vec<Order>> {
        let ask = || {
            Ask::get(["v1", "orders"])
                .query("state", filter.state.as_ref())
                .query("warehouse_id", filter.warehouse_id)
                .query("external_ref", filter.external_ref.as_ref())
        };
        let cursor = filter.before.map(|id| page::write(&id));
        self.list(ask, cursor, limit, |row| vec![row]).await
    }
}
