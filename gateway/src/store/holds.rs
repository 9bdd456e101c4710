//! Holds: looked at, confirmed, released. They are made through `execute_many`.

use super::{Caller, Session, statements as sql};
use crate::error::Result;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Hold {
    pub reservation_id: Uuid,
    /// `HELD`, `CONFIRMED`, `RELEASED` or `EXPIRED`
    pub state: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub lines: Vec<HoldLine>,
}

#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HoldLine {
    pub sku: String,
    pub warehouse_id: i32,
    pub lot: Option<String>,
    pub quantity: i64,
}

/// How a hold was closed.
#[derive(Clone, Debug, Serialize)]
pub struct Closed {
    pub code: String,
    pub order_no: Option<String>,
    pub reservation_id: Uuid,
    pub state: String,
    pub replayed: bool,
}

impl Session {
    /// All of it, or `quantity` of a hold of one line, which gives the rest back.
    pub async fn confirm(
        &mut self,
        hold: Uuid,
        quantity: Option<i64>,
        caller: &Caller,
    ) -> Result<Closed> {
        let row = sqlx::query(sql::CONFIRM)
            .bind(hold)
            .bind(quantity)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut *self.connection)
            .await?;
        closed(&row)
    }

    pub async fn release(&mut self, hold: Uuid, reason: &str, caller: &Caller) -> Result<Closed> {
        let row = sqlx::query(sql::RELEASE)
            .bind(hold)
            .bind(reason)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut *self.connection)
            .await?;
        closed(&row)
    }

    pub async fn reservation(&mut self, hold: Uuid) -> Result<Option<Hold>> {
        let rows =
            sqlx::query(sql::RESERVATION).bind(hold).fetch_all(&mut *self.connection).await?;
        let Some(first) = rows.first() else { return Ok(None) };
        let lines = rows.iter().map(line).collect::<Result<_>>()?;
        Ok(Some(Hold {
            reservation_id: hold,
            state: first.try_get("state")?,
            expires_at: first.try_get("expires_at")?,
            created_at: first.try_get("created_at")?,
            closed_at: first.try_get("closed_at")?,
            lines,
        }))
    }
}

fn closed(row: &PgRow) -> Result<Closed> {
    Ok(Closed {
        code: row.try_get("code")?,
        order_no: row.try_get("order_no")?,
        reservation_id: row.try_get("reservation_id")?,
        state: row.try_get("state")?,
        replayed: row.try_get("replayed")?,
    })
}

fn line(row: &PgRow) -> Result<HoldLine> {
    Ok(HoldLine {
        sku: row.try_get("sku")?,
        warehouse_id: row.try_get("warehouse_id")?,
        lot: row.try_get("lot")?,
        quantity: row.try_get("quantity")?,
    })
}
