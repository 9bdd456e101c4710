//! `inventory events`: follows what happens, until it is told to stop.

use super::screen::visible;
use super::settings::Settings;
use crate::client::{Client, Stream};
use crate::error::{Error, Result};
use crate::events::{Batch, Entry, Filter, From, LOOK, Topic};
use crate::store::{Database, Session};
use chrono::SecondsFormat;
use clap::Args;
use serde_json::{Map, Value};
use std::io::Write;
use std::time::Duration;

/// Between two looks into a journal to which nothing happens; between two tries while nobody answers.
const PAUSE: Duration = Duration::from_millis(200);
const AWAY: Duration = Duration::from_secs(1);

#[derive(Args)]
#[command(after_help = "\
Goes on until Ctrl-C; with --json an object a line. Each has its `cursor`: begin there with
--cursor, and nothing is lost and nothing comes twice.

Examples:
  inventory events --topic StockDeducted,LowStockAlert
  inventory events --sku LAMP-01 --from-beginning --json")]
pub struct EventsArgs {
    /// Only these; several with commas between, or one after another
    #[arg(long, value_name = "TOPIC", value_delimiter = ',', value_parser = Topic::parse)]
    topic: Vec<Topic>,
    /// Only this stock keeping unit, letter by letter
    #[arg(long)]
    sku: Option<String>,
    /// Only this warehouse
    #[arg(long, env = "INVENTORY_WAREHOUSE", value_name = "ID")]
    warehouse: Option<i32>,
    /// From the first event that the journal has; without this and --cursor, from now on
    #[arg(long, conflicts_with = "cursor")]
    from_beginning: bool,
    /// Go on behind the event that had this cursor
    #[arg(long)]
    cursor: Option<String>,
}

pub async fn run(settings: &Settings, args: EventsArgs) -> Result<()> {
    tokio::select! {
        followed = follow(settings, args) => followed,
        stopped = tokio::signal::ctrl_c() => Ok(stopped?),
    }
}

async fn follow(settings: &Settings, args: EventsArgs) -> Result<()> {
    let mut from = match (args.from_beginning, args.cursor) {
        (true, _) => From::Beginning,
        (false, Some(cursor)) => From::After(cursor),
        (false, None) => From::Now,
    };
    let filter = Filter { topics: args.topic, sku: args.sku, warehouse_id: args.warehouse };
    let mut source = match settings.gateway()? {
        Some(client) => Source::Gateway { client: Box::new(client), stream: None },
        None => Source::Database { database: Box::new(settings.database()?), session: None },
    };
    let (mut answered, mut away) = (false, false);
    loop {
        match source.next(&filter, &from).await {
            Ok(batch) => {
                (answered, away) = (true, false);
                for entry in batch.entries.iter().filter(|entry| filter.passes(&entry.event)) {
                    print(settings.json, entry)?;
                }
                from = From::After(batch.after);
            }
            // Who answered before will again.
            Err(error @ Error::Unreachable { .. }) if answered => {
                source.leave();
                if !std::mem::replace(&mut away, true) {
                    eprintln!("{error}; going on when it is back");
                }
                tokio::time::sleep(AWAY).await;
            }
            Err(error) => return Err(error),
        }
    }
}

/// Where events come from.
enum Source {
    Database { database: Box<Database>, session: Option<Session> },
    Gateway { client: Box<Client>, stream: Option<Stream> },
}

impl Source {
    /// What comes behind that place.
    async fn next(&mut self, filter: &Filter, from: &From) -> Result<Batch> {
        match self {
            Source::Database { database, session } => {
                let session = match session {
                    Some(session) => session,
                    None => session.insert(database.connect().await?),
                };
                look(session, from).await
            }
            Source::Gateway { client, stream } => {
                let stream = match stream {
                    Some(stream) => stream,
                    None => stream.insert(client.listen(filter, from).await?),
                };
                stream.next().await
            }
        }
    }

    /// Connects anew next time.
    fn leave(&mut self) {
        match self {
            Source::Database { session, .. } => *session = None,
            Source::Gateway { stream, .. } => *stream = None,
        }
    }
}

async fn look(session: &mut Session, from: &From) -> Result<Batch> {
    let cursor = match from {
        From::Now => return Ok(Batch::at(session.events_now().await?)),
        From::Beginning => None,
        From::After(cursor) => Some(cursor.as_str()),
    };
    let look = session.read_events(cursor, LOOK).await?;
    if look.caught_up && look.events.is_empty() {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(look.into())
}

fn print(json: bool, entry: &Entry) -> Result<()> {
    let line = if json { as_json(entry) } else { for_people(entry) };
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    // Somebody may be reading along.
    Ok(out.flush()?)
}

/// The event, with its cursor before it.
fn as_json(entry: &Entry) -> String {
    let cursor = Value::from(entry.cursor.as_str());
    format!("{{\"cursor\":{cursor},{}", entry.json.trim_start_matches('{'))
}

fn for_people(entry: &Entry) -> String {
    let event = &entry.event;
    let payload: Map<String, Value> = serde_json::from_str(event.payload.get()).unwrap_or_default();
    let mut line = event.at.to_rfc3339_opts(SecondsFormat::Millis, true);
    line += &format!(" {}", event.topic.as_str());
    if let Some(sku) = &event.sku {
        line += &format!(" {sku}");
    }
    if let Some(warehouse_id) = event.warehouse_id {
        line += &format!(" in {warehouse_id}");
    }
    let said = ["sku", "warehouse_id"];
    for (name, value) in payload.iter().filter(|(name, _)| !said.contains(&name.as_str())) {
        match value {
            Value::String(text) => line += &format!(" {name}={text}"),
            other => line += &format!(" {name}={other}"),
        }
    }
    visible(line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    #[test]
    fn lines_are_for_people_or_for_programs() {
        let json = r#"{"id":7,"generation":1,"topic":"StockDeducted","event_type":"STOCK_DEDUCTED","sku":"A\u0007","warehouse_id":2,"at":"2026-01-31T10:00:00Z","trace_id":null,"payload":{"sku":"A","qty":3,"reason":"sale"}}"#;
        let event: Event = serde_json::from_str(json).unwrap();
        let entry = Entry { cursor: "1:\"".to_owned(), event, json: json.to_owned() };
        assert_eq!(
            for_people(&entry),
            "2026-01-31T10:00:00.000Z StockDeducted A\u{fffd} in 2 qty=3 reason=sale"
        );
        let read: Value = serde_json::from_str(&as_json(&entry)).unwrap();
        assert_eq!((&read["cursor"], &read["payload"]["qty"]), (&"1:\"".into(), &3.into()));
    }
}
