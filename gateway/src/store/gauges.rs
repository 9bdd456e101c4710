//! What a gateway's metrics ask now and then.

use super::{Session, SinkStatus, statements as sql};
use crate::error::Result;
use sqlx::Row;

/// Units of a SKU in a warehouse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownLevel {
    pub sku: String,
    pub warehouse_id: i32,
    pub on_hand: i64,
}

/// Events that a sink has still to hear.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backlog {
    /// At most so many.
    pub pending: i64,
    /// Age of the oldest.
    pub lag_seconds: f64,
}

impl Backlog {
    /// That of the sink which has most to hear; nothing without sinks.
    pub fn slowest(sinks: &[SinkStatus]) -> Option<Backlog> {
        let of =
            |sink: &SinkStatus| Backlog { pending: sink.pending, lag_seconds: sink.lag_seconds };
        sinks.iter().max_by_key(|sink| sink.pending).map(of)
    }
}

impl Session {
    /// Of `watched`, hot and low SKUs, at most `limit` rows; a place may come twice.
    pub async fn shown_levels(
        &mut self,
        watched: &[String],
        limit: i64,
    ) -> Result<Vec<ShownLevel>> {
        let rows = sqlx::query(sql::SHOWN_LEVELS)
            .bind(watched)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        rows.iter()
            .map(|row| {
                Ok(ShownLevel {
                    sku: row.try_get("sku")?,
                    warehouse_id: row.try_get("warehouse_id")?,
                    on_hand: row.try_get("on_hand")?,
                })
            })
            .collect()
    }

    pub async fn outbox_backlog(&mut self) -> Result<Backlog> {
        let row = sqlx::query(sql::OUTBOX_BACKLOG).fetch_optional(&mut self.connection).await?;
        let Some(row) = row else { return Ok(Backlog::default()) };
        Ok(Backlog { pending: row.try_get("pending")?, lag_seconds: row.try_get("lag_seconds")? })
    }
}
