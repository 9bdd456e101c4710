//! Commands by the thousand: arrays in, few rows out.

use super::{Session, statements as sql};
use crate::error::{Error, Result};
use sqlx::Row;
use std::collections::HashMap;
use uuid::Uuid;

/// Lines for `deduct_many`, a column a Vec, as PostgreSQL wants them.
#[derive(Debug, Default)]
pub struct OrderLines {
    request_ids: Vec<Uuid>,
    skus: Vec<String>,
    qtys: Vec<i64>,
    warehouse_ids: Vec<i32>,
    reasons: Vec<String>,
    /// Whether a line is the first of its order.
    heads: Vec<bool>,
}

impl OrderLines {
    pub fn len(&self) -> usize {
        self.skus.len()
    }

    pub fn is_empty(&self) -> bool {
        self.skus.is_empty()
    }

    /// `head` marks the first line of an order.
    pub fn push(
        &mut self,
        request_id: Uuid,
        sku: &str,
        warehouse_id: i32,
        qty: i64,
        reason: &str,
        head: bool,
    ) {
        self.request_ids.push(request_id);
        self.skus.push(sku.to_owned());
        self.qtys.push(qty);
        self.warehouse_ids.push(warehouse_id);
        self.reasons.push(reason.to_owned());
        self.heads.push(head);
    }
}

/// One row of the answer: the first line of an accepted order, or any line of a refused one.
#[derive(Clone, Debug)]
pub struct Deduction {
    /// Place in the arrays, from 0.
    pub line: usize,
    pub code: String,
    pub order_no: Option<String>,
    /// Absent where the refusal has no level to show, as for an unknown SKU.
    pub available: Option<i64>,
    pub replayed: bool,
}

/// One receipt or adjustment of many.
#[derive(Clone, Debug)]
pub struct SingleRow {
    pub request_id: Uuid,
    pub sku: String,
    pub warehouse_id: i32,
    /// Units that come in, or the difference of an adjustment.
    pub units: i64,
    pub reason: String,
    pub operator: Option<String>,
    pub trace_id: Option<String>,
}

/// One product of many.
#[derive(Clone, Debug)]
pub struct ProductRow {
    pub request_id: Uuid,
    pub sku: String,
    pub name: String,
    pub low_stock_threshold: Option<i64>,
    pub unit: String,
    pub attributes: serde_json::Value,
}

impl Session {
    /// At most 10,000 lines.
    pub async fn deduct_many(&mut self, lines: &OrderLines) -> Result<Vec<Deduction>> {
        let rows = sqlx::query(sql::DEDUCT_MANY)
            .bind(&lines.request_ids)
            .bind(&lines.skus)
            .bind(&lines.qtys)
            .bind(&lines.warehouse_ids)
            .bind(&lines.reasons)
            .bind(&lines.heads)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                let line: i32 = row.try_get("line")?;
                let line = usize::try_from(line - 1)
                    .ok()
                    .filter(|at| *at < lines.len())
                    .ok_or_else(|| Error::Answer(format!("deduct_many answered line {line}")))?;
                Ok(Deduction {
                    line,
                    code: row.try_get("code")?,
                    order_no: row.try_get("order_no")?,
                    available: row.try_get("available")?,
                    replayed: row.try_get("replayed")?,
                })
            })
            .collect()
    }

    /// Whether each was there before. One refusal raises and leaves nothing of the call.
    pub async fn receive_each(&mut self, receipts: &[SingleRow]) -> Result<Vec<bool>> {
        self.single_each(sql::RECEIVE_EACH, receipts).await
    }

    /// Whether each was there before. One refusal raises and leaves nothing of the call.
    pub async fn adjust_each(&mut self, adjustments: &[SingleRow]) -> Result<Vec<bool>> {
        self.single_each(sql::ADJUST_EACH, adjustments).await
    }

    async fn single_each(&mut self, sql: &'static str, rows: &[SingleRow]) -> Result<Vec<bool>> {
        let answers = sqlx::query(sql)
            .bind(rows.iter().map(|r| r.request_id).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.sku.clone()).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.units).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.warehouse_id).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.reason.clone()).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.operator.clone()).collect::<Vec<_>>())
            .bind(rows.iter().map(|r| r.trace_id.clone()).collect::<Vec<_>>())
            .fetch_all(&mut self.connection)
            .await?;
        answers.iter().map(|row| Ok(row.try_get("replayed")?)).collect()
    }

    /// Whether each is new. One refusal raises and leaves nothing of the call.
    pub async fn put_product_each(&mut self, products: &[ProductRow]) -> Result<Vec<bool>> {
        let rows = sqlx::query(sql::PUT_PRODUCT_EACH)
            .bind(products.iter().map(|p| p.request_id).collect::<Vec<_>>())
            .bind(products.iter().map(|p| p.sku.clone()).collect::<Vec<_>>())
            .bind(products.iter().map(|p| p.name.clone()).collect::<Vec<_>>())
            .bind(products.iter().map(|p| p.low_stock_threshold).collect::<Vec<_>>())
            .bind(products.iter().map(|p| p.unit.clone()).collect::<Vec<_>>())
            .bind(products.iter().map(|p| p.attributes.clone()).collect::<Vec<_>>())
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(|row| Ok(row.try_get("created")?)).collect()
    }

    /// Those of `skus` that are products, and whether a low-stock threshold watches each.
    pub async fn existing_products(&mut self, skus: &[String]) -> Result<HashMap<String, bool>> {
        let rows =
            sqlx::query(sql::EXISTING_PRODUCTS).bind(skus).fetch_all(&mut self.connection).await?;
        rows.iter().map(|row| Ok((row.try_get("sku")?, row.try_get("watched")?))).collect()
    }

    /// Those of `requests` that had an effect, with what each did to on hand over all its lines.
    /// Read from the journal, which outlives the memory of request ids.
    pub async fn known_requests(&mut self, requests: &[Uuid]) -> Result<HashMap<Uuid, i64>> {
        let rows =
            sqlx::query(sql::KNOWN_REQUESTS).bind(requests).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| Ok((row.try_get("request_id")?, row.try_get("on_hand_delta")?)))
            .collect()
    }

    /// True if this session is now the only one that replays the record of that key.
    pub async fn claim_record(&mut self, key: i64) -> Result<bool> {
        let row = sqlx::query(sql::CLAIM_RECORD).bind(key).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("claimed")?)
    }

    /// Whether anything at all has moved yet.
    pub async fn movements_exist(&mut self) -> Result<bool> {
        let row = sqlx::query(sql::MOVEMENTS_EXIST).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("found")?)
    }
}
