//! Stock: levels, history, and the commands that move goods one call at a time.

use super::{Caller, Session, statements as sql};
use crate::error::{Error, Result};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

pub use chrono::NaiveDate as Date;

/// A moment in UTC.
pub type Time = DateTime<Utc>;

/// What a command is about.
#[derive(Clone, Debug)]
pub struct Goods {
    pub sku: String,
    pub warehouse_id: i32,
    pub lot: Option<String>,
}

/// The engine's answer: levels of the SKU in that warehouse over all lots, after the command.
#[derive(Clone, Debug, Serialize)]
pub struct Answer {
    pub code: String,
    pub order_no: Option<String>,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    pub replayed: bool,
}

#[derive(Clone, Debug, Serialize)]
pub struct Level {
    pub sku: String,
    pub warehouse_id: i32,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    pub low: bool,
    pub version: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Lot {
    pub sku: String,
    pub warehouse_id: i32,
    pub lot: String,
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
    pub expires_on: Option<String>,
    pub version: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct LowStock {
    pub sku: String,
    pub name: String,
    pub warehouse_id: i32,
    pub on_hand: i64,
    pub available: i64,
    pub low_stock_threshold: Option<i64>,
}

/// One row of the audit log.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Movement {
    pub id: i64,
    pub sku: String,
    pub warehouse_id: Option<i32>,
    pub before_qty: Option<i64>,
    pub after_qty: Option<i64>,
    pub reason: Option<String>,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
    pub request_id: Option<Uuid>,
    pub at: DateTime<Utc>,
}

/// Which movements to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub sku: Option<String>,
    pub warehouse_id: Option<i32>,
    /// From this moment on, and before that one.
    pub from: Option<DateTime<Utc>>,
    pub to: Option<DateTime<Utc>>,
    /// Those with smaller ids.
    pub before: Option<i64>,
}

impl Session {
    pub async fn receive(
        &mut self,
        goods: &Goods,
        qty: i64,
        expires_on: Option<Date>,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let row = sqlx::query(sql::RECEIVE)
            .bind(&goods.sku)
            .bind(qty)
            .bind(goods.warehouse_id)
            .bind(&goods.lot)
            .bind(expires_on)
            .bind(reason)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        answer(&row)
    }

    pub async fn deduct(
        &mut self,
        goods: &Goods,
        qty: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let row = sqlx::query(sql::DEDUCT)
            .bind(&goods.sku)
            .bind(qty)
            .bind(goods.warehouse_id)
            .bind(&goods.lot)
            .bind(reason)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        answer(&row)
    }

    pub async fn adjust(
        &mut self,
        goods: &Goods,
        delta: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let row = sqlx::query(sql::ADJUST)
            .bind(&goods.sku)
            .bind(delta)
            .bind(reason)
            .bind(goods.warehouse_id)
            .bind(&goods.lot)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        answer(&row)
    }

    pub async fn recount(
        &mut self,
        goods: &Goods,
        counted: i64,
        expected_version: Option<i64>,
        reason: &str,
        caller: &Caller,
    ) -> Result<Answer> {
        let row = sqlx::query(sql::RECOUNT)
            .bind(&goods.sku)
            .bind(counted)
            .bind(reason)
            .bind(goods.warehouse_id)
            .bind(&goods.lot)
            .bind(expected_version)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        answer(&row)
    }

    /// From `goods.warehouse_id` to `to_warehouse`; answers source first.
    pub async fn transfer(
        &mut self,
        goods: &Goods,
        to_warehouse: i32,
        qty: i64,
        reason: &str,
        caller: &Caller,
    ) -> Result<[Answer; 2]> {
        let rows = sqlx::query(sql::TRANSFER)
            .bind(&goods.sku)
            .bind(qty)
            .bind(goods.warehouse_id)
            .bind(to_warehouse)
            .bind(&goods.lot)
            .bind(reason)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_all(&mut self.connection)
            .await?;
        match rows.as_slice() {
            [source, target] => Ok([answer(source)?, answer(target)?]),
            other => Err(Error::Answer(format!("transfer gave {} rows, not 2", other.len()))),
        }
    }

    pub async fn levels(
        &mut self,
        sku: Option<&str>,
        warehouse_id: Option<i32>,
        only_low: bool,
        limit: i64,
    ) -> Result<Vec<Level>> {
        let query = match sku {
            _ if only_low => sqlx::query(sql::LOW_LEVELS).bind(sku),
            Some(_) => sqlx::query(sql::LEVELS_OF).bind(sku),
            None => sqlx::query(sql::LEVELS),
        };
        let rows = query.bind(warehouse_id).bind(limit).fetch_all(&mut self.connection).await?;
        rows.iter().map(level).collect()
    }

    pub async fn lots(
        &mut self,
        sku: &str,
        warehouse_id: Option<i32>,
        limit: i64,
    ) -> Result<Vec<Lot>> {
        let rows = sqlx::query(sql::LOTS)
            .bind(sku)
            .bind(warehouse_id)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(lot).collect()
    }

    /// The emptiest first, measured by the threshold.
    pub async fn low_stock(&mut self, limit: i64) -> Result<Vec<LowStock>> {
        let rows = sqlx::query(sql::LOW_STOCK).bind(limit).fetch_all(&mut self.connection).await?;
        rows.iter().map(low_stock).collect()
    }

    /// Newest first.
    pub async fn audit(&mut self, filter: &AuditFilter, limit: i64) -> Result<Vec<Movement>> {
        let rows = sqlx::query(sql::AUDIT)
            .bind(&filter.sku)
            .bind(filter.warehouse_id)
            .bind(filter.from)
            .bind(filter.to)
            .bind(filter.before)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(movement).collect()
    }

    /// A page of at most `limit` SKUs after `after`, with a row a warehouse; a SKU without stock has
    /// one row without a level.
    pub async fn stock_page(
        &mut self,
        warehouse_id: Option<i32>,
        only_low: bool,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<(String, Option<Level>)>> {
        let sql = if only_low { sql::LOW_PAGE } else { sql::STOCK_PAGE };
        let rows = sqlx::query(sql)
            .bind(warehouse_id)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                let there = row.try_get::<Option<i32>, _>("warehouse_id")?.is_some();
                Ok((row.try_get("sku")?, there.then(|| level(row)).transpose()?))
            })
            .collect()
    }
}

fn answer(row: &PgRow) -> Result<Answer> {
    Ok(Answer {
        code: row.try_get("code")?,
        order_no: row.try_get("order_no")?,
        on_hand: row.try_get("on_hand")?,
        reserved: row.try_get("reserved")?,
        available: row.try_get("available")?,
        replayed: row.try_get("replayed")?,
    })
}

fn level(row: &PgRow) -> Result<Level> {
    Ok(Level {
        sku: row.try_get("sku")?,
        warehouse_id: row.try_get("warehouse_id")?,
        on_hand: row.try_get("on_hand")?,
        reserved: row.try_get("reserved")?,
        available: row.try_get("available")?,
        low: row.try_get("low")?,
        version: row.try_get("version")?,
    })
}

fn lot(row: &PgRow) -> Result<Lot> {
    Ok(Lot {
        sku: row.try_get("sku")?,
        warehouse_id: row.try_get("warehouse_id")?,
        lot: row.try_get("lot")?,
        on_hand: row.try_get("on_hand")?,
        reserved: row.try_get("reserved")?,
        available: row.try_get("available")?,
        expires_on: row.try_get("expires_on")?,
        version: row.try_get("version")?,
    })
}

fn low_stock(row: &PgRow) -> Result<LowStock> {
    Ok(LowStock {
        sku: row.try_get("sku")?,
        name: row.try_get("name")?,
        warehouse_id: row.try_get("warehouse_id")?,
        on_hand: row.try_get("on_hand")?,
        available: row.try_get("available")?,
        low_stock_threshold: row.try_get("low_stock_threshold")?,
    })
}

fn movement(row: &PgRow) -> Result<Movement> {
    Ok(Movement {
        id: row.try_get("id")?,
        sku: row.try_get("sku")?,
        warehouse_id: row.try_get("warehouse_id")?,
        before_qty: row.try_get("before_qty")?,
        after_qty: row.try_get("after_qty")?,
        reason: row.try_get("reason")?,
        operator: row.try_get("operator")?,
        trace_id: row.try_get("trace_id")?,
        request_id: row.try_get("request_id")?,
        at: row.try_get("at")?,
    })
}
