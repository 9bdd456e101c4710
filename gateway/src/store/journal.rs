//! The journal as those read it who follow it.

use super::{Session, Time, statements as sql};
use crate::error::{Error, Result};
use inventory_core::cursor::Cursor;
use serde_json::value::RawValue;
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;

/// A row of the journal that somebody is told of.
#[derive(Clone, Debug)]
pub struct JournalEvent {
    /// Stands behind it: to go on there loses nothing and repeats nothing.
    pub cursor: String,
    pub id: i64,
    pub generation: i32,
    pub event_type: String,
    pub sku: Option<String>,
    pub warehouse_id: Option<i32>,
    /// As in the view `inventory.outbox`.
    pub payload: Box<RawValue>,
    pub trace_id: Option<String>,
    pub at: Time,
}

/// What a look into the journal found behind a cursor.
#[derive(Debug)]
pub struct Look {
    pub events: Vec<JournalEvent>,
    /// Stands behind all of them.
    pub after: String,
    /// They were all that was to be seen at that moment.
    pub caught_up: bool,
}

impl Session {
    /// The cursor behind everything that is committed.
    pub async fn events_now(&mut self) -> Result<String> {
        let row = sqlx::query(sql::EVENTS_NOW).fetch_one(&mut self.connection).await?;
        Ok(row.try_get("cursor")?)
    }

    /// What `cursor` has not seen, at most `limit`; without one, from the beginning of what there is.
    pub async fn read_events(&mut self, cursor: Option<&str>, limit: i32) -> Result<Look> {
        let rows = sqlx::query(sql::READ_EVENTS)
            .bind(cursor)
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        let events = rows.iter().filter_map(|row| event(row).transpose());
        let events: Vec<JournalEvent> = events.collect::<Result<_>>()?;
        let last = rows.last().ok_or_else(|| Error::Answer("read_events gave no row".into()))?;
        let after: String = last.try_get("cursor")?;
        // A look that is not filled has come to the end of what it looks at.
        let caught_up = usize::try_from(limit).is_ok_and(|limit| events.len() < limit);
        let after = if caught_up { at_the_end(&after)? } else { after };
        Ok(Look { events, after, caught_up })
    }
}

fn at_the_end(cursor: &str) -> Result<String> {
    let cursor = Cursor::parse(cursor).map_err(|refusal| Error::Answer(refusal.detail))?;
    Ok(cursor.caught_up().to_string())
}

/// None of the row that only moves the cursor on.
fn event(row: &PgRow) -> Result<Option<JournalEvent>> {
    let Some(id) = row.try_get("id")? else { return Ok(None) };
    Ok(Some(JournalEvent {
        cursor: row.try_get("cursor")?,
        id,
        generation: row.try_get("generation")?,
        event_type: row.try_get("event_type")?,
        sku: row.try_get("sku")?,
        warehouse_id: row.try_get("warehouse_id")?,
        payload: row.try_get::<Json<Box<RawValue>>, _>("payload")?.0,
        trace_id: row.try_get("trace_id")?,
        at: row.try_get("at")?,
    }))
}
