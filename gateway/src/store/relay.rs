//! Sinks, and what relays ask and tell: whose turn it is, what comes next, what was delivered.

use super::{Caller, Session, Time, interval, statements as sql};
use crate::error::Result;
use crate::relay::judge::{Fresh, Park, Parked, Progress};
use chrono::{DateTime, Utc};
use clap::ValueEnum;
use inventory_sinks::{Event, JsonObject};
use serde::{Deserialize, Serialize};
use sqlx::Row;
use sqlx::postgres::PgRow;
use sqlx::types::Json;
use std::time::Duration;
use utoipa::ToSchema;
use uuid::Uuid;

/// A sink that is this relay's to tell, until it is said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    pub sink: String,
    /// Its number: nothing is saved of an earlier one.
    pub turn: i64,
    pub target: Secret,
    /// What it was told so far.
    pub cursor: String,
    /// The relay is to finish and leave it to others.
    pub give_back: bool,
    /// By what the events of this shop are known.
    pub source: Uuid,
}

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("…")
    }
}

/// The next events of the journal; where there is none, where to stand then.
#[derive(Clone, Debug, Default)]
pub struct Page {
    pub events: Vec<Fresh>,
    pub caught_up: Option<String>,
}

/// What became of an event at a sink
#[derive(Clone, Copy, Debug, Deserialize, ToSchema, ValueEnum)]
#[serde(rename_all = "UPPERCASE")]
pub enum EventStatus {
    /// Still to be sent
    Pending,
    /// Sent
    Sent,
    /// Refused, and tried again; or waiting behind one that was
    Retry,
    /// Given up
    Dead,
}

impl EventStatus {
    /// As the view `outbox` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            EventStatus::Pending => "PENDING",
            EventStatus::Sent => "SENT",
            EventStatus::Retry => "RETRY",
            EventStatus::Dead => "DEAD",
        }
    }
}

/// A sink as it is now.
#[derive(Clone, Debug, Serialize)]
pub struct SinkStatus {
    pub name: String,
    pub address: String,
    /// `ACTIVE` or `PAUSED`
    pub state: String,
    pub relay: Option<String>,
    /// At most so many events are still to be sent.
    pub pending: i64,
    /// Age of the oldest of them.
    pub lag_seconds: f64,
    pub retrying: i64,
    pub dead: i64,
    pub delivered: i64,
    pub failing_since: Option<Time>,
    pub failure: Option<String>,
    pub created_at: Time,
}

/// An event and what became of it at one sink.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct OutboxEvent {
    pub id: i64,
    /// Empty where there are no sinks
    pub sink: Option<String>,
    pub event_type: String,
    #[schema(value_type = Object)]
    pub payload: JsonObject,
    /// PENDING, SENT, RETRY or DEAD
    pub status: String,
    pub attempts: i32,
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// Why it was refused last
    pub error: Option<String>,
    pub at: DateTime<Utc>,
}

/// Where in that list one stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutboxPlace {
    pub id: i64,
    pub sink: Option<String>,
}

impl Session {
    /// Makes it, or gives it another address. Gives whether it is new.
    pub async fn put_sink(
        &mut self,
        name: &str,
        target: &str,
        from_beginning: bool,
    ) -> Result<bool> {
        let put = sqlx::query(sql::PUT_SINK).bind(name).bind(target).bind(from_beginning);
        Ok(put.fetch_one(&mut self.connection).await?.try_get("created")?)
    }

    /// Gives whether it was told until now.
    pub async fn pause_sink(&mut self, name: &str) -> Result<bool> {
        let paused = sqlx::query(sql::PAUSE_SINK).bind(name);
        Ok(paused.fetch_one(&mut self.connection).await?.try_get("changed")?)
    }

    /// From where it stopped, or from now on. Gives whether that changed anything.
    pub async fn resume_sink(&mut self, name: &str, skip: bool) -> Result<bool> {
        let resumed = sqlx::query(sql::RESUME_SINK).bind(name).bind(skip);
        Ok(resumed.fetch_one(&mut self.connection).await?.try_get("changed")?)
    }

    /// Gives whether it was there.
    pub async fn drop_sink(&mut self, name: &str) -> Result<bool> {
        let dropped = sqlx::query(sql::DROP_SINK).bind(name);
        Ok(dropped.fetch_one(&mut self.connection).await?.try_get("changed")?)
    }

    pub async fn sinks(&mut self) -> Result<Vec<SinkStatus>> {
        let rows = sqlx::query(sql::SINKS).fetch_all(&mut self.connection).await?;
        let sink = |row: &PgRow| {
            Ok(SinkStatus {
                name: row.try_get("name")?,
                address: row.try_get("address")?,
                state: row.try_get("state")?,
                relay: row.try_get("relay")?,
                pending: row.try_get("pending")?,
                lag_seconds: row.try_get("lag_seconds")?,
                retrying: row.try_get("retrying")?,
                dead: row.try_get("dead")?,
                delivered: row.try_get("delivered")?,
                failing_since: row.try_get("failing_since")?,
                failure: row.try_get("failure")?,
                created_at: row.try_get("created_at")?,
            })
        };
        rows.iter().map(sink).collect()
    }

    /// Newest first, those after `after`, of one status or of all.
    pub async fn outbox(
        &mut self,
        status: Option<&str>,
        after: Option<&OutboxPlace>,
        limit: i64,
    ) -> Result<Vec<OutboxEvent>> {
        // What few events are is looked up; in the outbox every event would have to be looked at for it.
        let statement = match status {
            Some("RETRY" | "DEAD") => sql::PARKED_EVENTS,
            Some("PENDING") => sql::PENDING_EVENTS,
            _ => sql::OUTBOX,
        };
        let rows = sqlx::query(statement)
            .bind(status)
            .bind(after.map(|place| place.id))
            .bind(after.and_then(|place| place.sink.as_deref()))
            .bind(limit)
            .fetch_all(&mut self.connection)
            .await?;
        let event = |row: &PgRow| {
            Ok(OutboxEvent {
                id: row.try_get("id")?,
                sink: row.try_get("sink")?,
                event_type: row.try_get("event_type")?,
                payload: row.try_get::<Json<JsonObject>, _>("payload")?.0,
                status: row.try_get("status")?,
                attempts: row.try_get("attempts")?,
                next_attempt_at: row.try_get("next_attempt_at")?,
                error: row.try_get("error")?,
                at: row.try_get("at")?,
            })
        };
        rows.iter().map(event).collect()
    }

    /// Tries a dead event again, at one sink or at all that have given it up. Gives whether this is a repeat.
    pub async fn redrive(&mut self, id: i64, sink: Option<&str>, caller: &Caller) -> Result<bool> {
        let row = sqlx::query(sql::REDRIVE)
            .bind(id)
            .bind(sink)
            .bind(caller.request_id)
            .bind(&caller.operator)
            .bind(&caller.trace_id)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(row.try_get("replayed")?)
    }

    /// Says that the relay is there, and gives the sinks that are its own for so long.
    pub async fn take_turns(&mut self, relay: &str, lease: Duration) -> Result<Vec<Turn>> {
        let rows = sqlx::query(sql::TAKE_TURNS)
            .bind(relay)
            .bind(interval(lease))
            .fetch_all(&mut self.connection)
            .await?;
        let turn = |row: &PgRow| {
            Ok(Turn {
                sink: row.try_get("sink")?,
                turn: row.try_get("turn")?,
                target: Secret(row.try_get("target")?),
                cursor: row.try_get("cursor")?,
                give_back: row.try_get("give_back")?,
                source: row.try_get("source")?,
            })
        };
        rows.iter().map(turn).collect()
    }

    /// Leaves one sink to others; or all, at the relay's end.
    pub async fn give_turns(&mut self, relay: &str, sink: Option<&str>) -> Result<()> {
        let given = sqlx::query(sql::GIVE_TURNS).bind(relay).bind(sink);
        given.fetch_one(&mut self.connection).await?;
        Ok(())
    }

    /// The next events behind a cursor.
    pub async fn next_events(&mut self, source: Uuid, cursor: &str, max: usize) -> Result<Page> {
        let rows = sqlx::query(sql::READ_EVENTS)
            .bind(cursor)
            .bind(i32::try_from(max).unwrap_or(i32::MAX))
            .fetch_all(&mut self.connection)
            .await?;
        let mut page = Page::default();
        for row in &rows {
            let cursor: String = row.try_get("cursor")?;
            match row.try_get::<Option<i64>, _>("id")? {
                Some(id) => page.events.push(Fresh { id, cursor, event: event(source, id, row)? }),
                None => page.caught_up = Some(cursor),
            }
        }
        Ok(page)
    }

    /// Events that a sink did not take and that are not given up, in order.
    pub async fn due_events(
        &mut self,
        source: Uuid,
        sink: &str,
        max: usize,
    ) -> Result<Vec<Parked>> {
        let rows = sqlx::query(sql::DUE_EVENTS)
            .bind(sink)
            .bind(i32::try_from(max).unwrap_or(i32::MAX))
            .fetch_all(&mut self.connection)
            .await?;
        let parked = |row: &PgRow| {
            let id = row.try_get("id")?;
            let due: bool = row.try_get("due")?;
            Ok(Parked {
                id,
                sku: row.try_get("sku")?,
                attempts: u32::try_from(row.try_get::<i32, _>("attempts")?).unwrap_or(0),
                event: due.then(|| event(source, id, row)).transpose()?,
            })
        };
        rows.iter().map(parked).collect()
    }

    /// All of it or nothing. Gives whether it was saved: nothing is, when the turn is over.
    pub async fn save_progress(&mut self, turn: &Turn, progress: &Progress) -> Result<bool> {
        let park = &progress.park;
        let list = |text: fn(&Park) -> Option<&str>| park.iter().map(text).collect::<Vec<_>>();
        let attempts = park.iter().map(|p| i32::try_from(p.attempts).unwrap_or(i32::MAX));
        let row = sqlx::query(sql::SAVE_PROGRESS)
            .bind(&turn.sink)
            .bind(turn.turn)
            .bind(&progress.cursor)
            .bind(i64::try_from(progress.delivered).unwrap_or(i64::MAX))
            .bind(&progress.settled)
            .bind(park.iter().map(|p| p.id).collect::<Vec<_>>())
            .bind(list(|p| p.sku.as_deref()))
            .bind(attempts.collect::<Vec<_>>())
            .bind(park.iter().map(|p| p.wait.map(interval)).collect::<Vec<_>>())
            .bind(list(|p| p.error.as_deref()))
            .bind(&progress.failure)
            .fetch_one(&mut self.connection)
            .await?;
        Ok(row.try_get("saved")?)
    }
}

/// An event as sinks are sent it.
fn event(source: Uuid, id: i64, row: &PgRow) -> Result<Event> {
    let generation: i32 = row.try_get("generation")?;
    Ok(Event {
        id: format!("{source}-{generation}-{id}"),
        kind: row.try_get("event_type")?,
        sku: row.try_get("sku")?,
        time: row.try_get("at")?,
        trace_id: row.try_get("trace_id")?,
        data: row.try_get::<Json<JsonObject>, _>("payload")?.0,
    })
}
