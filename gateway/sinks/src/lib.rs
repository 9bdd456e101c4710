//! Where events go: standard output, webhooks and brokers, each behind the same two calls.
//!
//! A [`Target`] says where, as a URL; [`Sink::connect`] reaches it, [`Sink::deliver`] gives it a batch of
//! events as CloudEvents and waits until it has answered for each. Nothing is kept here between two batches:
//! who calls remembers how far it came, and repeats what was not answered for, so events arrive at least
//! once, and those of one SKU in their order.
//!
//! `event` is what is sent · `target` reads addresses and hides their secrets · one file a kind of sink.

mod event;
mod stdout;
mod target;

use std::fmt;
use std::time::Duration;

pub use event::{Event, JsonObject};
pub use target::{Malformed, Target};

/// What every sink is told beside its address.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The `source` of every event, a URI reference: which shop this is.
    pub source: String,
    /// How long one answer may take before the sink counts as away.
    pub patience: Duration,
    /// Whether a webhook may lead to loopback, link-local and private addresses.
    pub private_addresses: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        let patience = Duration::from_secs(10);
        Settings { source: "/inventory".to_owned(), patience, private_addresses: false }
    }
}

/// What became of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The sink has it, and said so.
    Delivered,
    /// The sink does not take this event, and why; others it does.
    Refused(String),
    /// Not sent: an earlier event of its SKU was refused in the same call.
    Behind,
}

/// The sink itself is away, or nothing can be sent to it as it is set up.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Down {
    /// For people; holds no secrets.
    pub reason: String,
    /// What became of the first events of the call; nothing is known of the others.
    pub decided: Vec<Outcome>,
    /// How long the sink itself asks to be left alone.
    pub retry_after: Option<Duration>,
}

impl Down {
    pub fn because(reason: impl fmt::Display) -> Down {
        Down { reason: reason.to_string(), decided: Vec::new(), retry_after: None }
    }
}

/// A sink that was reached.
pub struct Sink {
    source: String,
    line: Line,
}

/// What there is at the other end.
enum Line {
    Stdout,
}

impl Sink {
    /// Reaches the sink and makes sure that it can take events: credentials, stream, exchange or topic.
    pub async fn connect(target: &Target, settings: &Settings) -> Result<Sink, Down> {
        let line = match target {
            Target::Stdout => Line::Stdout,
            other => return Err(Down::because(format!("{other}: not yet"))),
        };
        Ok(Sink { source: settings.source.clone(), line })
    }

    /// Sends events and waits for the answers: one outcome an event, in order. After [`Down`] this sink is
    /// used up: drop it and connect again.
    pub async fn deliver(&mut self, events: &[Event]) -> Result<Vec<Outcome>, Down> {
        match &mut self.line {
            Line::Stdout => stdout::deliver(&self.source, events).await,
        }
    }
}
