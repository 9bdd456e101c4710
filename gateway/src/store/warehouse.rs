//! Warehouses.

use super::{Caller, Put, Session, statements as sql};
use crate::error::Result;
use serde::{Deserialize, Serialize};
use sqlx::Row;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Warehouse {
    pub warehouse_id: i32,
    pub code: String,
    pub name: String,
}

impl Session {
    pub async fn put_warehouse(&mut self, warehouse: &Warehouse, caller: &Caller) -> Result<Put> {
        let row = sqlx::query(sql::PUT_WAREHOUSE)
            .bind(warehouse.warehouse_id)
            .bind(&warehouse.code)
            .bind(&warehouse.name)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Put::from_row(&row)
    }

    pub async fn delete_warehouse(&mut self, warehouse_id: i32, caller: &Caller) -> Result<Put> {
        let row = sqlx::query(sql::DELETE_WAREHOUSE)
            .bind(warehouse_id)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Put::from_row(&row)
    }

    pub async fn warehouses(&mut self) -> Result<Vec<Warehouse>> {
        let rows = sqlx::query(sql::WAREHOUSES).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Warehouse {
                    warehouse_id: row.try_get("warehouse_id")?,
                    code: row.try_get("code")?,
                    name: row.try_get("name")?,
                })
            })
            .collect()
    }
}
