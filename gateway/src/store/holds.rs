//! Holds: made, looked at, confirmed, released.

use super::{Caller, Commands, Goods, LineAnswer, Session, interval, statements as sql};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use inventory_core::refusal::Code;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use std::time::Duration;
use uuid::Uuid;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    pub reservation_id: Uuid,
    /// `HELD`, `CONFIRMED`, `RELEASED` or `EXPIRED`
    pub state: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub closed_at: Option<DateTime<Utc>>,
    pub lines: Vec<HoldLine>,
}

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HoldLine {
    pub sku: String,
    pub warehouse_id: i32,
    pub lot: Option<String>,
    pub quantity: i64,
}

/// Goods to be held.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub goods: Goods,
    pub quantity: i64,
}

/// A hold that was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reserved {
    pub reservation_id: Uuid,
    /// `HELD`
    pub state: String,
    pub expires_at: Option<DateTime<Utc>>,
    pub lines: Vec<ReservedLine>,
    pub replayed: bool,
}

/// A line, with the levels of its place after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ReservedLine {
    pub sku: String,
    pub quantity: i64,
    pub warehouse_id: i32,
    pub on_hand: Option<i64>,
    pub reserved: Option<i64>,
    pub available: Option<i64>,
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
    /// One hold over all of it, or none.
    pub async fn reserve(
        &mut self,
        wanted: &[Wanted],
        ttl_seconds: i64,
        caller: &Caller,
    ) -> Result<Reserved> {
        let request_id = caller.request_id.unwrap_or_else(Uuid::new_v4);
        let ttl = Duration::from_secs(u64::try_from(ttl_seconds).unwrap_or_default());
        let mut commands = Commands::default();
        for Wanted { goods, quantity } in wanted {
            commands.kinds.push("reserve");
            commands.request_ids.push(request_id);
            commands.skus.push(&goods.sku);
            commands.quantities.push(*quantity);
            commands.warehouse_ids.push(goods.warehouse_id);
            commands.lots.push(goods.lot.as_deref());
            commands.expires_on.push(None);
            commands.reasons.push(Some("reserve"));
            commands.ttls.push(Some(interval(ttl)));
            commands.operators.push(caller.operator.as_deref());
            commands.trace_ids.push(caller.trace_id.as_deref());
        }
        let answers = self.execute_many(&commands, true).await?;
        reserved(wanted, &answers)
    }

    /// One that was made; refused as unknown where there is none.
    pub async fn hold(&mut self, id: Uuid) -> Result<Hold> {
        let unknown =
            || Error::refused(Code::UnknownReservation, format!("reservation {id} is not known"));
        self.reservation(id).await?.ok_or_else(unknown)
    }

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
            .fetch_one(&mut self.connection)
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
            .fetch_one(&mut self.connection)
            .await?;
        closed(&row)
    }

    pub async fn reservation(&mut self, hold: Uuid) -> Result<Option<Hold>> {
        let rows = sqlx::query(sql::RESERVATION).bind(hold).fetch_all(&mut self.connection).await?;
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

fn reserved(wanted: &[Wanted], answers: &[LineAnswer]) -> Result<Reserved> {
    let first = answers.first().ok_or_else(|| Error::usage("nothing is to be held"))?;
    if let Some(code) = Code::from_name(&first.code) {
        return Err(Error::refused(code, first.detail.as_deref().unwrap_or(code.title())));
    }
    let missing = || Error::Answer("a hold without an id".to_owned());
    let lines = wanted.iter().zip(answers).map(|(wanted, answer)| ReservedLine {
        sku: wanted.goods.sku.clone(),
        quantity: wanted.quantity,
        warehouse_id: wanted.goods.warehouse_id,
        on_hand: answer.on_hand,
        reserved: answer.reserved,
        available: answer.available,
    });
    Ok(Reserved {
        reservation_id: first.reservation_id.ok_or_else(missing)?,
        state: "HELD".to_owned(),
        expires_at: first.expires_at,
        lines: lines.collect(),
        replayed: first.replayed,
    })
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
