//! `inventory outbox …`

use super::screen::{number, text};
use super::settings::{CallerArgs, Settings};
use crate::error::Result;
use crate::store::{EventStatus, OutboxEvent};
use chrono::SecondsFormat;
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub enum OutboxCommand {
    /// Events, newest first, and what became of them at each sink
    List {
        /// Only those
        #[arg(long, value_enum, ignore_case = true)]
        status: Option<EventStatus>,
        /// So many at most
        #[arg(long, env = "INVENTORY_LIMIT", default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..=10_000))]
        limit: i64,
    },
    /// Try a dead event again
    Redrive {
        /// Its number in the list
        id: i64,
        /// Only at this sink (without it, at all that gave it up)
        #[arg(long, value_name = "NAME")]
        sink: Option<String>,
        #[command(flatten)]
        caller: CallerArgs,
    },
}

pub async fn run(settings: &Settings, command: OutboxCommand) -> Result<()> {
    match command {
        OutboxCommand::List { status, limit } => list(settings, status, limit).await,
        OutboxCommand::Redrive { id, sink, caller } => {
            let mut service = settings.service().await?;
            let replayed = service.redrive(id, sink.as_deref(), &caller.into()).await?;
            let answer = json!({ "id": id, "sink": sink, "replayed": replayed });
            settings.screen().answer(&answer, &format!("event {id} is tried again"))
        }
    }
}

async fn list(settings: &Settings, status: Option<EventStatus>, limit: i64) -> Result<()> {
    let status = status.map(EventStatus::as_str);
    settings.screen().list(
        &settings.service().await?.outbox(status, None, limit).await?,
        &[
            number("event", |e: &OutboxEvent| e.id.to_string()),
            text("sink", |e| e.sink.clone().unwrap_or_default()),
            text("type", |e| e.event_type.clone()),
            text("sku", |e| {
                e.payload.get("sku").and_then(|sku| sku.as_str()).unwrap_or("").to_owned()
            }),
            text("status", |e| e.status.clone()),
            number("tries", |e| e.attempts.to_string()),
            text("next try", |e| {
                e.next_attempt_at
                    .map_or(String::new(), |at| at.to_rfc3339_opts(SecondsFormat::Secs, true))
            }),
            text("error", |e| e.error.clone().unwrap_or_default()),
        ],
    )
}
