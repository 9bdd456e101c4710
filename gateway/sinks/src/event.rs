//! What is sent: an event of the journal, and its form as a CloudEvent.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// The payload of an event.
pub type JsonObject = serde_json::Map<String, serde_json::Value>;

/// One event of the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// `<source id>-<generation>-<journal id>`: the same however often it is sent, and no other event's.
    pub id: String,
    /// The journal's event type, `STOCK_DEDUCTED`.
    pub kind: String,
    /// Events of one SKU arrive in their order; those without one have no order.
    pub sku: Option<String>,
    pub time: DateTime<Utc>,
    pub trace_id: Option<String>,
    /// As view `outbox` shows it.
    pub data: JsonObject,
}

/// CloudEvents 1.0 in JSON, with the extension for distributed tracing.
#[derive(Serialize)]
struct CloudEvent<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    r#type: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    time: String,
    datacontenttype: &'static str,
    dataschema: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    traceparent: Option<String>,
    data: &'a JsonObject,
}

impl Event {
    /// The event as a CloudEvent 1.0 in JSON, from `source`.
    pub fn cloud_event(&self, source: &str) -> Vec<u8> {
        let event = CloudEvent {
            specversion: "1.0",
            id: &self.id,
            source,
            r#type: &self.kind,
            subject: self.sku.as_deref(),
            time: self.time.to_rfc3339_opts(SecondsFormat::Micros, true),
            datacontenttype: "application/json",
            dataschema: schema_name(&self.kind),
            traceparent: self.traceparent(),
            data: &self.data,
        };
        serde_json::to_vec(&event).unwrap_or_else(|_| unreachable!("strings and JSON"))
    }

    /// The trace goes on where the movement was told of one in W3C's form; the parent is the event itself.
    fn traceparent(&self) -> Option<String> {
        let trace = self.trace_id.as_deref()?;
        let hex =
            trace.len() == 32 && trace.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !hex || trace.bytes().all(|b| b == b'0') {
            return None;
        }
        let digest = Sha256::digest(self.id.as_bytes());
        let parent = digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte));
        Some(format!("00-{trace}-{:016x}-01", parent.max(1)))
    }
}

/// The `$id` of the document in `schemas/` that describes `data`.
fn schema_name(kind: &str) -> String {
    format!("urn:pg-inventory:event:{kind}:1")
}
