//! Products: the master data of what is sold.

use super::{Caller, Session, statements as sql};
use crate::error::{Error, Result};
use inventory_core::refusal::Code;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Product {
    pub sku: String,
    pub name: String,
    pub low_stock_threshold: Option<i64>,
    pub lot_controlled: bool,
    pub unit: String,
    #[schema(value_type = Object)]
    pub attributes: serde_json::Value,
}

#[derive(Clone, Debug)]
pub struct NewProduct {
    pub sku: String,
    pub name: String,
    pub low_stock_threshold: Option<i64>,
    pub lot_controlled: bool,
    pub unit: String,
    pub attributes: serde_json::Value,
}

/// The answer to a change of master data.
#[derive(Clone, Debug, Serialize)]
pub struct Put {
    pub code: String,
    /// New, not changed; absent where something was deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<bool>,
    pub replayed: bool,
}

impl Put {
    /// For people: `created`, `changed`, `deleted`.
    pub fn what_happened(&self) -> &'static str {
        match (self.replayed, self.created) {
            (true, _) => "as answered before; nothing changed",
            (false, Some(true)) => "created",
            (false, Some(false)) => "changed",
            (false, None) => "deleted",
        }
    }

    pub(super) fn from_row(row: &PgRow) -> Result<Put> {
        Ok(Put {
            code: row.try_get("code")?,
            created: row.try_get("created")?,
            replayed: row.try_get("replayed")?,
        })
    }
}

impl Session {
    /// One that is there; refused as unknown where it is not.
    pub async fn product(&mut self, sku: &str) -> Result<Product> {
        let found = self.products(Some(sku), None, 1).await?.into_iter().next();
        found.ok_or_else(|| Error::refused(Code::UnknownSku, format!("SKU {sku:?} is not known")))
    }

    pub async fn list_products(&mut self, after: Option<&str>, limit: i64) -> Result<Vec<Product>> {
        self.products(None, after, limit).await
    }

    pub async fn put_product(&mut self, product: &NewProduct, caller: &Caller) -> Result<Put> {
        let row = sqlx::query(sql::PUT_PRODUCT)
            .bind(&product.sku)
            .bind(&product.name)
            .bind(product.low_stock_threshold)
            .bind(product.lot_controlled)
            .bind(&product.unit)
            .bind(&product.attributes)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Put::from_row(&row)
    }

    pub async fn delete_product(&mut self, sku: &str, caller: &Caller) -> Result<Put> {
        let row = sqlx::query(sql::DELETE_PRODUCT)
            .bind(sku)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Put::from_row(&row)
    }

    /// In SKU order: the one named, or those after `after`.
    pub async fn products(
        &mut self,
        sku: Option<&str>,
        after: Option<&str>,
        limit: i64,
    ) -> Result<Vec<Product>> {
        let rows = sqlx::query(sql::PRODUCTS)
            .bind(sku)
            .bind(after)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter().map(product).collect()
    }
}

fn product(row: &PgRow) -> Result<Product> {
    Ok(Product {
        sku: row.try_get("sku")?,
        name: row.try_get("name")?,
        low_stock_threshold: row.try_get("low_stock_threshold")?,
        lot_controlled: row.try_get("lot_controlled")?,
        unit: row.try_get("unit")?,
        attributes: row.try_get("attributes")?,
    })
}

/// As it will be read once it is put.
impl From<NewProduct> for Product {
    fn from(new: NewProduct) -> Product {
        let NewProduct { sku, name, low_stock_threshold, lot_controlled, unit, attributes } = new;
        Product { sku, name, low_stock_threshold, lot_controlled, unit, attributes }
    }
}
