//! An event as it is told.

use super::topic::Topic;
use crate::store::{JournalEvent, Look};
use chrono::{DateTime, Utc};
use inventory_core::event::EventType;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// One thing that happened, as clients get it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// With its generation the same on every gateway and at every repeat.
    pub id: i64,
    /// How often the database was restored or cloned.
    pub generation: i32,
    pub topic: Topic,
    /// As the journal calls it.
    pub event_type: String,
    pub sku: Option<String>,
    pub warehouse_id: Option<i32>,
    pub at: DateTime<Utc>,
    pub trace_id: Option<String>,
    /// As in the view `inventory.outbox`.
    #[schema(value_type = Object)]
    pub payload: Box<RawValue>,
}

/// One with its place.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Stands behind it.
    pub cursor: String,
    pub event: Event,
    /// The event as JSON in one line: written once for all who hear of it.
    pub json: String,
}

/// What one look into the journal found.
#[derive(Clone, Debug)]
pub struct Batch {
    pub entries: Vec<Entry>,
    /// Stands behind all of them, and behind what came with them and is not told.
    pub after: String,
}

impl Batch {
    /// Nothing but a place.
    pub fn at(cursor: String) -> Batch {
        Batch { entries: Vec::new(), after: cursor }
    }
}

impl From<Look> for Batch {
    fn from(look: Look) -> Batch {
        Batch { entries: look.events.into_iter().filter_map(entry).collect(), after: look.after }
    }
}

fn entry(row: JournalEvent) -> Option<Entry> {
    let Some(known) = EventType::parse(&row.event_type) else {
        let event_type = row.event_type;
        tracing::warn!(
            event_type,
            id = row.id,
            "a later version wrote an event that is not told here"
        );
        return None;
    };
    let event = Event {
        id: row.id,
        generation: row.generation,
        topic: known.into(),
        event_type: row.event_type,
        sku: row.sku,
        warehouse_id: row.warehouse_id,
        at: row.at,
        trace_id: row.trace_id,
        payload: row.payload,
    };
    // Of numbers, texts and what was JSON before: it cannot fail.
    let json = serde_json::to_string(&event).unwrap_or_default();
    Some(Entry { cursor: row.cursor, event, json })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub fn event(topic: Topic, sku: Option<&str>, warehouse_id: Option<i32>) -> Event {
        Event {
            id: 1,
            generation: 1,
            topic,
            event_type: String::new(),
            sku: sku.map(str::to_owned),
            warehouse_id,
            at: DateTime::UNIX_EPOCH,
            trace_id: None,
            payload: RawValue::from_string("{}".to_owned()).unwrap(),
        }
    }

    fn row(event_type: &str, payload: &str) -> JournalEvent {
        JournalEvent {
            cursor: "c".to_owned(),
            id: 7,
            generation: 1,
            event_type: event_type.to_owned(),
            sku: Some("A\nB".to_owned()),
            warehouse_id: Some(1),
            payload: RawValue::from_string(payload.to_owned()).unwrap(),
            trace_id: None,
            at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn an_event_is_one_line() {
        let told = entry(row("LOW_STOCK", r#"{"qty": 3, "reason": "a\nb"}"#)).unwrap();
        assert!(!told.json.contains('\n'), "{}", told.json);
        let read: Event = serde_json::from_str(&told.json).unwrap();
        assert_eq!((read.id, read.topic, read.sku), (7, Topic::LowStockAlert, told.event.sku));
        assert_eq!(read.payload.get(), told.event.payload.get());
    }

    #[test]
    fn what_a_later_version_wrote_is_passed_over() {
        let events = vec![row("STOCK_EATEN", "{}"), row("STOCK_DEDUCTED", "{}")];
        let batch = Batch::from(Look { events, after: "d".to_owned(), caught_up: true });
        assert_eq!((batch.entries.len(), batch.after.as_str()), (1, "d"));
    }
}
