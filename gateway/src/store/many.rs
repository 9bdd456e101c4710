//! Commands of a micro-batch: arrays in, a row a line out.

use super::{Date, Session, Time, statements as sql};
use crate::error::{Error, Result};
use sqlx::Row;
use sqlx::postgres::types::PgInterval;
use std::collections::HashSet;
use uuid::Uuid;

/// Lines for `execute_many`, a column a Vec, as PostgreSQL wants them. Lines of one request id are
/// one command.
#[derive(Debug, Default)]
pub struct Commands<'c> {
    pub kinds: Vec<&'static str>,
    pub request_ids: Vec<Uuid>,
    pub skus: Vec<&'c str>,
    pub quantities: Vec<i64>,
    pub warehouse_ids: Vec<i32>,
    pub lots: Vec<Option<&'c str>>,
    pub expires_on: Vec<Option<Date>>,
    pub reasons: Vec<Option<&'c str>>,
    pub ttls: Vec<Option<PgInterval>>,
    pub operators: Vec<Option<&'c str>>,
    pub trace_ids: Vec<Option<&'c str>>,
}

/// What became of a line, and the levels of its place after the command, or as they are where it was
/// refused.
#[derive(Clone, Debug)]
pub struct LineAnswer {
    pub code: String,
    pub detail: Option<String>,
    pub order_no: Option<String>,
    pub reservation_id: Option<Uuid>,
    pub expires_at: Option<Time>,
    pub on_hand: Option<i64>,
    pub reserved: Option<i64>,
    pub available: Option<i64>,
    pub replayed: bool,
}

impl Session {
    /// Those of the requests that had their effect, as long as the database remembers it.
    pub async fn remembered_requests(&mut self, requests: &[Uuid]) -> Result<HashSet<Uuid>> {
        let found = sqlx::query(sql::REMEMBERED_REQUESTS)
            .bind(requests)
            .fetch_all(&mut self.connection)
            .await?;
        found.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    /// An answer a line, in their order. With `wait` a row that another transaction holds is waited
    /// for; else the command that needs it is `busy`.
    pub async fn execute_many(
        &mut self,
        commands: &Commands<'_>,
        wait: bool,
    ) -> Result<Vec<LineAnswer>> {
        let rows = sqlx::query(sql::EXECUTE_MANY)
            .bind(&commands.kinds)
            .bind(&commands.request_ids)
            .bind(&commands.skus)
            .bind(&commands.quantities)
            .bind(&commands.warehouse_ids)
            .bind(&commands.lots)
            .bind(&commands.expires_on)
            .bind(&commands.reasons)
            .bind(&commands.ttls)
            .bind(&commands.operators)
            .bind(&commands.trace_ids)
            .bind(wait)
            .fetch_all(&mut self.connection)
            .await?;
        if rows.len() != commands.skus.len() {
            let (asked, told) = (commands.skus.len(), rows.len());
            return Err(Error::Answer(format!("{told} answers to {asked} lines")));
        }
        rows.iter()
            .map(|row| {
                Ok(LineAnswer {
                    code: row.try_get(0)?,
                    detail: row.try_get(1)?,
                    order_no: row.try_get(2)?,
                    reservation_id: row.try_get(3)?,
                    expires_at: row.try_get(4)?,
                    on_hand: row.try_get(5)?,
                    reserved: row.try_get(6)?,
                    available: row.try_get(7)?,
                    replayed: row.try_get(8)?,
                })
            })
            .collect()
    }
}
