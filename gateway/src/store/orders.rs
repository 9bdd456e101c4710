//! Orders and their states.

use super::{Caller, Session, statements as sql};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use inventory_core::refusal::Code;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

#[derive(Clone, Debug)]
pub struct NewOrder {
    /// `outbound` or `inbound`
    pub direction: String,
    /// As `create_order` takes them.
    pub lines: serde_json::Value,
    pub warehouse_id: i32,
    pub external_ref: Option<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Order {
    pub order_no: String,
    /// 64 bits: text in JSON.
    #[serde(with = "as_text")]
    pub order_id: i64,
    pub direction: String,
    pub warehouse_id: i32,
    pub external_ref: Option<String>,
    pub state: String,
    pub reason: Option<String>,
    pub reservation_id: Option<Uuid>,
    pub created_at: DateTime<Utc>,
    pub changed_at: DateTime<Utc>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderLine {
    pub line: i32,
    pub sku: String,
    pub quantity: i64,
    pub named_lot: Option<String>,
    /// Held or taken for it, and how much of that lot.
    pub lot: Option<String>,
    pub lot_quantity: Option<i64>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OrderEvent {
    pub from_state: Option<String>,
    pub to_state: String,
    pub reason: Option<String>,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
    pub at: DateTime<Utc>,
}

/// An order with everything about it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OrderDetail {
    #[serde(flatten)]
    pub order: Order,
    pub lines: Vec<OrderLine>,
    /// The states it went through.
    pub history: Vec<OrderEvent>,
}

/// The answer to a command about an order.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Moved {
    pub order_no: String,
    pub state: String,
    pub replayed: bool,
}

/// Which orders to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct OrderFilter {
    pub state: Option<String>,
    pub warehouse_id: Option<i32>,
    pub external_ref: Option<String>,
    /// Those with smaller ids.
    pub before: Option<i64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Start,
    Complete,
    Fail,
    Revert,
}

impl Session {
    /// The id in its 64-bit form beside the answer.
    pub async fn create_order(
        &mut self,
        order: &NewOrder,
        caller: &Caller,
    ) -> Result<(i64, Moved)> {
        let row = sqlx::query(sql::CREATE_ORDER)
            .bind(&order.direction)
            .bind(&order.lines)
            .bind(order.warehouse_id)
            .bind(&order.external_ref)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok((row.try_get("order_id")?, moved(&row)?))
    }

    /// `reason` goes with failing and reverting.
    pub async fn move_order(
        &mut self,
        order_no: &str,
        step: Step,
        reason: Option<&str>,
        caller: &Caller,
    ) -> Result<Moved> {
        let query = match step {
            Step::Start => sqlx::query(sql::START_ORDER).bind(order_no),
            Step::Complete => sqlx::query(sql::COMPLETE_ORDER).bind(order_no),
            Step::Fail => sqlx::query(sql::FAIL_ORDER).bind(order_no).bind(reason),
            Step::Revert => sqlx::query(sql::REVERT_ORDER).bind(order_no).bind(reason),
        };
        let row = query
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        moved(&row)
    }

    /// One that is there; refused as unknown where it is not.
    pub async fn order_detail(&mut self, order_no: &str) -> Result<OrderDetail> {
        let unknown =
            || Error::refused(Code::UnknownOrder, format!("order {order_no:?} is not known"));
        let order = self.order(order_no).await?.ok_or_else(unknown)?;
        let lines = self.order_lines(order_no).await?;
        let history = self.order_history(order_no).await?;
        Ok(OrderDetail { order, lines, history })
    }

    pub async fn order(&mut self, order_no: &str) -> Result<Option<Order>> {
        let row =
            sqlx::query(sql::ORDER).bind(order_no).fetch_optional(&mut self.connection).await?;
        row.as_ref().map(order).transpose()
    }

    pub async fn orders(&mut self, filter: &OrderFilter, limit: i64) -> Result<Vec<Order>> {
        let rows = sqlx::query(sql::ORDERS)
            .bind(&filter.state)
            .bind(filter.warehouse_id)
            .bind(&filter.external_ref)
            .bind(filter.before)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(order).collect()
    }

    /// A row a lot where a line is held or was taken from several.
    pub async fn order_lines(&mut self, order_no: &str) -> Result<Vec<OrderLine>> {
        let rows =
            sqlx::query(sql::ORDER_LINES).bind(order_no).fetch_all(&mut self.connection).await?;
        rows.iter().map(line).collect()
    }

    pub async fn order_history(&mut self, order_no: &str) -> Result<Vec<OrderEvent>> {
        let rows =
            sqlx::query(sql::ORDER_HISTORY).bind(order_no).fetch_all(&mut self.connection).await?;
        rows.iter().map(event).collect()
    }
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(id: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(id)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

fn moved(row: &PgRow) -> Result<Moved> {
    Ok(Moved {
        order_no: row.try_get("order_no")?,
        state: row.try_get("state")?,
        replayed: row.try_get("replayed")?,
    })
}

fn order(row: &PgRow) -> Result<Order> {
    Ok(Order {
        order_no: row.try_get("order_no")?,
        order_id: row.try_get("order_id")?,
        direction: row.try_get("direction")?,
        warehouse_id: row.try_get("warehouse_id")?,
        external_ref: row.try_get("external_ref")?,
        state: row.try_get("state")?,
        reason: row.try_get("reason")?,
        reservation_id: row.try_get("reservation_id")?,
        created_at: row.try_get("created_at")?,
        changed_at: row.try_get("changed_at")?,
    })
}

fn line(row: &PgRow) -> Result<OrderLine> {
    Ok(OrderLine {
        line: row.try_get("line")?,
        sku: row.try_get("sku")?,
        quantity: row.try_get("quantity")?,
        named_lot: row.try_get("named_lot")?,
        lot: row.try_get("lot")?,
        lot_quantity: row.try_get("lot_quantity")?,
    })
}

fn event(row: &PgRow) -> Result<OrderEvent> {
    Ok(OrderEvent {
        from_state: row.try_get("from_state")?,
        to_state: row.try_get("to_state")?,
        reason: row.try_get("reason")?,
        operator: row.try_get("operator")?,
        trace_id: row.try_get("trace_id")?,
        at: row.try_get("at")?,
    })
}
