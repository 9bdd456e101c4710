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

/// What `doctor()` found of a topic that is not as it should be.
#[derive(Clone, Debug)]
pub struct Findings {
    pub topic: String,
    /// `note` or `problem`
    pub state: String,
    pub count: i64,
}

/// Leases, and the units that they set aside.
#[derive(Clone, Copy, Debug)]
pub struct Pile {
    pub leases: i64,
    pub units: i64,
}

/// What somebody should see to before it is too much.
#[derive(Clone, Copy, Debug)]
pub struct Piles {
    /// SKUs, one in each warehouse where it is low.
    pub low: i64,
    pub current: Pile,
    /// Past their time.
    pub overdue: Pile,
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

    pub async fn findings(&mut self) -> Result<Vec<Findings>> {
        let rows = sqlx::query(sql::FINDINGS).fetch_all(&mut self.connection).await?;
        rows.iter()
            .map(|row| {
                Ok(Findings {
                    topic: row.try_get("topic")?,
                    state: row.try_get("state")?,
                    count: row.try_get("count")?,
                })
            })
            .collect()
    }

    /// Counted up to `limit` each.
    pub async fn piles(&mut self, limit: i64) -> Result<Piles> {
        let row = sqlx::query(sql::PILES).bind(limit).fetch_one(&mut self.connection).await?;
        let pile = |leases, units| -> Result<Pile> {
            Ok(Pile { leases: row.try_get(leases)?, units: row.try_get(units)? })
        };
        Ok(Piles {
            low: row.try_get("low")?,
            current: pile("current_leases", "current_units")?,
            overdue: pile("overdue_leases", "overdue_units")?,
        })
    }
}
