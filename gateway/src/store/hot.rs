//! SKUs that many want at once.

use super::{Caller, Session, statements as sql};
use crate::error::Result;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sqlx::Row;

#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct HotSku {
    pub sku: String,
    pub warehouse_id: i32,
    pub by_hand: bool,
    /// Commands a second, when it was looked at last.
    pub rate: i64,
    pub since: DateTime<Utc>,
}

/// Where in their list one stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct HotPlace {
    pub rate: i64,
    pub sku: String,
    pub warehouse_id: i32,
}

impl Session {
    /// The most wanted first, those after `after`.
    pub async fn hot_skus(&mut self, after: Option<&HotPlace>, limit: i64) -> Result<Vec<HotSku>> {
        let rows = sqlx::query(sql::HOT_SKUS)
            .bind(after.map(|place| place.rate))
            .bind(after.map(|place| &place.sku))
            .bind(after.map(|place| place.warehouse_id))
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(HotSku {
                    sku: row.try_get("sku")?,
                    warehouse_id: row.try_get("warehouse_id")?,
                    by_hand: row.try_get("by_hand")?,
                    rate: row.try_get("rate")?,
                    since: row.try_get("since")?,
                })
            })
            .collect()
    }

    /// Whether that changed anything.
    pub async fn set_hot(&mut self, sku: &str, hot: bool, caller: &Caller) -> Result<bool> {
        let row = sqlx::query(sql::SET_HOT)
            .bind(sku)
            .bind(hot)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(row.try_get("changed")?)
    }
}
