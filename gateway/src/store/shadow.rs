//! What a shadow is told, and how it differs.

use super::{Session, Time, statements as sql};
use crate::error::Result;
use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::postgres::types::Oid;

/// Movements of a source, a column a Vec.
#[derive(Debug, Default)]
pub struct FedMovements {
    pub ids: Vec<i64>,
    pub skus: Vec<String>,
    pub warehouse_ids: Vec<i32>,
    pub lots: Vec<Option<String>>,
    pub deltas: Vec<i64>,
    /// Of the source's row after it; None where only a part of its movements comes.
    pub on_hands: Vec<Option<i64>>,
    pub versions: Vec<Option<i64>>,
}

/// From one place in the journal of the source to another.
#[derive(Debug)]
pub struct Leap<'l> {
    pub before: Option<&'l str>,
    pub after: &'l str,
    /// Where nothing more was to be read.
    pub caught_up_at: Option<Time>,
}

#[derive(Clone, Debug, Serialize)]
pub struct Fed {
    /// `RUNNING`, `STOPPED`, or `MOVED` where another has fed it meanwhile
    pub state: String,
    pub applied: i64,
    pub refused: i64,
}

#[derive(Clone, Debug, Serialize)]
pub struct Shadow {
    pub source: String,
    /// Parts of a million.
    pub share: i32,
    pub share_by: String,
    pub state: String,
    /// How far it has come; None where it has heard nothing yet.
    #[serde(skip)]
    pub cursor: Option<String>,
    pub applied: i64,
    pub refused: i64,
    pub caught_up_at: Option<Time>,
}

/// A row of a shadow that is not as its source's was at the same place in the journal.
#[derive(Clone, Debug, Serialize)]
pub struct Drift {
    pub sku: String,
    pub warehouse_id: i32,
    pub lot: String,
    pub expected: i64,
    pub on_hand: i64,
    pub version: Option<i64>,
    pub missing: i64,
}

impl Drift {
    /// Units that the shadow has more than it should.
    pub fn delta(&self) -> i64 {
        self.on_hand.saturating_sub(self.expected)
    }
}

/// Which database a session is in, whatever the address says that it was opened with.
#[derive(Debug, PartialEq, Eq)]
pub struct Whereabouts {
    cluster: i64,
    database: Oid,
    began: Time,
}

impl Whereabouts {
    /// A cursor of this database, as its shadow keeps it: what was read elsewhere says nothing here.
    pub fn mark(&self, cursor: &str) -> String {
        format!("{}.{} {cursor}", self.cluster, self.database.0)
    }

    /// The cursor that was marked so; None where it is one of another database.
    pub fn unmarked<'c>(&self, cursor: &'c str) -> Option<&'c str> {
        cursor.strip_prefix(&self.mark(""))
    }
}

impl Session {
    pub async fn whereabouts(&mut self) -> Result<Whereabouts> {
        let row = sqlx::query(sql::WHEREABOUTS).fetch_one(&mut self.connection).await?;
        Ok(Whereabouts {
            cluster: row.try_get("system_identifier")?,
            database: row.try_get("oid")?,
            began: row.try_get("began")?,
        })
    }

    /// Gives the cursor to go on from; None from the beginning.
    pub async fn start_shadow(
        &mut self,
        source: &str,
        share: i32,
        by: &str,
    ) -> Result<Option<String>> {
        let query = sqlx::query(sql::START_SHADOW).bind(source).bind(share).bind(by);
        Ok(query.fetch_one(&mut self.connection).await?.try_get("cursor")?)
    }

    pub async fn stop_shadow(&mut self, source: &str) -> Result<()> {
        sqlx::query(sql::STOP_SHADOW).bind(source).fetch_one(&mut self.connection).await?;
        Ok(())
    }

    pub async fn feed_shadow(
        &mut self,
        source: &str,
        leap: &Leap<'_>,
        movements: &FedMovements,
    ) -> Result<Fed> {
        let row = sqlx::query(sql::FEED_SHADOW)
            .bind(source)
            .bind(leap.before)
            .bind(leap.after)
            .bind(leap.caught_up_at)
            .bind(&movements.ids)
            .bind(&movements.skus)
            .bind(&movements.warehouse_ids)
            .bind(&movements.lots)
            .bind(&movements.deltas)
            .bind(&movements.on_hands)
            .bind(&movements.versions)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(Fed {
            state: row.try_get("state")?,
            applied: row.try_get("applied")?,
            refused: row.try_get("refused")?,
        })
    }

    pub async fn shadows(&mut self, limit: i64) -> Result<Vec<Shadow>> {
        let rows = sqlx::query(sql::SHADOWS).bind(limit).fetch_all(&mut self.connection).await?;
        let shadow = |row: &PgRow| {
            Ok(Shadow {
                source: row.try_get("source")?,
                share: row.try_get("share")?,
                share_by: row.try_get("share_by")?,
                state: row.try_get("state")?,
                cursor: row.try_get("cursor")?,
                applied: row.try_get("applied")?,
                refused: row.try_get("refused")?,
                caught_up_at: row.try_get("caught_up_at")?,
            })
        };
        rows.iter().map(shadow).collect()
    }

    pub async fn shadow_drift(&mut self) -> Result<Vec<Drift>> {
        let rows = sqlx::query(sql::SHADOW_DRIFT).fetch_all(&mut self.connection).await?;
        let drift = |row: &PgRow| {
            Ok(Drift {
                sku: row.try_get("sku")?,
                warehouse_id: row.try_get("warehouse_id")?,
                lot: row.try_get("lot")?,
                expected: row.try_get("expected")?,
                on_hand: row.try_get("on_hand")?,
                version: row.try_get("version")?,
                missing: row.try_get("missing")?,
            })
        };
        rows.iter().map(drift).collect()
    }
}
