//! Products and warehouses.

use super::{Ask, Client, Reply};
use crate::error::Result;
use crate::http::page;
use crate::store::{Caller, NewProduct, Product, Put, Warehouse};
use axum::http::StatusCode;
use serde_json::json;

/// There are no more.
const WAREHOUSES_MAX: i64 = 999;

fn put(reply: &Reply) -> Put {
    let created = match reply.status {
        StatusCode::NO_CONTENT => None,
        status => Some(status == StatusCode::CREATED),
    };
    Put { code: "ok".to_owned(), created, replayed: reply.replayed() }
}

impl Client {
    pub async fn put_product(&self, product: &NewProduct, caller: &Caller) -> Result<Put> {
        let NewProduct { sku, name, low_stock_threshold, lot_controlled, unit, attributes } =
            product;
        let body = json!({
            "name": name, "low_stock_threshold": low_stock_threshold, "lot_controlled": lot_controlled,
            "unit": unit, "attributes": attributes,
        });
        let ask = Ask::put(["v1", "products", sku], body).of(caller)?;
        Ok(put(&self.send(ask).await?))
    }

    pub async fn delete_product(&self, sku: &str, caller: &Caller) -> Result<Put> {
        let ask = Ask::delete(["v1", "products", sku]).of(caller)?;
        Ok(put(&self.send(ask).await?))
    }

    pub async fn product(&self, sku: &str) -> Result<Product> {
        self.send(Ask::get(["v1", "products", sku])).await?.json()
    }

    pub async fn list_products(&self, after: Option<&str>, limit: i64) -> Result<Vec<Product>> {
        let cursor = after.map(|sku| page::write(&sku));
        self.list(|| Ask::get(["v1", "products"]), cursor, limit, |row| vec![row]).await
    }

    pub async fn put_warehouse(&self, warehouse: &Warehouse, caller: &Caller) -> Result<Put> {
        let body = json!({ "code": warehouse.code, "name": warehouse.name });
        let id = warehouse.warehouse_id.to_string();
        let ask = Ask::put(["v1", "warehouses", &id], body).of(caller)?;
        Ok(put(&self.send(ask).await?))
    }

    pub async fn delete_warehouse(&self, warehouse_id: i32, caller: &Caller) -> Result<Put> {
        let ask = Ask::delete(["v1", "warehouses", &warehouse_id.to_string()]).of(caller)?;
        Ok(put(&self.send(ask).await?))
    }

    pub async fn warehouses(&self) -> Result<Vec<Warehouse>> {
        self.list(|| Ask::get(["v1", "warehouses"]), None, WAREHOUSES_MAX, |row| vec![row]).await
    }
}
