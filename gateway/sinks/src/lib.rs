//! Where events go: standard output, webhooks and brokers, each behind the same two calls.
//!
//! A [`Target`] says where, as a URL; [`Sink::connect`] reaches it, [`Sink::deliver`] gives it a batch of
//! events as CloudEvents and waits until it has answered for each. Nothing is kept here between two batches:
//! who calls remembers how far it came, and repeats what was not answered for, so events arrive at least
//! once, and those of one SKU in their order.
//!
//! `event` is what is sent · `target` reads addresses and hides their secrets · one file a kind of sink.

mod amqp;
mod event;
#[cfg(feature = "kafka")]
mod kafka;
mod nats;
mod pipeline;
mod redis;
mod stdout;
mod tally;
mod target;
mod webhook;

use std::fmt;
use std::time::Duration;

pub use event::{Event, JsonObject};
pub use target::{Malformed, Target};

use target::Place;

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

/// How all kinds of sinks, which share one implementation of TLS, say that nobody vouches for a certificate.
const UNKNOWN: &str = "UnknownIssuer";
const TRUST: &str = "nobody whom this machine trusts vouches for the certificate: add who does to the machine's \
                     certificates, or name a file with all that are to be trusted in SSL_CERT_FILE";

impl Down {
    pub fn because(reason: impl fmt::Display) -> Down {
        let mut reason = reason.to_string();
        if reason.contains(UNKNOWN) {
            reason = format!("{reason}: {TRUST}");
        }
        Down { reason, decided: Vec::new(), retry_after: None }
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
    Webhook(webhook::Line),
    Redis(redis::Line),
    Nats(nats::Line),
    Amqp(amqp::Line),
    #[cfg(feature = "kafka")]
    Kafka(kafka::Line),
}

impl Sink {
    /// Reaches the sink and makes sure that it can take events: credentials, stream, exchange or topic. Of a
    /// webhook only the address is looked at.
    pub async fn connect(target: &Target, settings: &Settings) -> Result<Sink, Down> {
        let line = match &target.place {
            Place::Stdout => Line::Stdout,
            Place::Webhook(place) => Line::Webhook(webhook::Line::connect(place, settings)?),
            Place::Redis(place) => Line::Redis(redis::Line::connect(place, settings).await?),
            Place::Nats(place) => Line::Nats(nats::Line::connect(place, settings).await?),
            Place::Amqp(place) => Line::Amqp(amqp::Line::connect(place, settings).await?),
            #[cfg(feature = "kafka")]
            Place::Kafka(place) => Line::Kafka(kafka::Line::connect(place, settings).await?),
        };
        Ok(Sink { source: settings.source.clone(), line })
    }

    /// Sends events and waits for the answers: one outcome an event, in order. After [`Down`] this sink is
    /// used up: drop it and connect again.
    pub async fn deliver(&mut self, events: &[Event]) -> Result<Vec<Outcome>, Down> {
        match &mut self.line {
            Line::Stdout => stdout::deliver(&self.source, events).await,
            Line::Webhook(line) => line.deliver(&self.source, events).await,
            Line::Redis(line) => line.deliver(&self.source, events).await,
            Line::Nats(line) => pipeline::deliver(line, &self.source, events).await,
            Line::Amqp(line) => pipeline::deliver(line, &self.source, events).await,
            #[cfg(feature = "kafka")]
            Line::Kafka(line) => pipeline::deliver(line, &self.source, events).await,
        }
    }
}
