//! RabbitMQ: a persistent message an event, to a named exchange under the event type as routing key, with
//! publisher confirms. A message that no queue takes comes back and counts as refused; so bind every type.
//!
//! The exchange is not made here: who wants which events is the operator's to say.

use std::collections::HashSet;
use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions};
use lapin::types::{FieldTable, LongString, ShortString};
use lapin::uri::{AMQPAuthority, AMQPQueryString, AMQPScheme, AMQPUri, AMQPUserInfo};
use lapin::{
    BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, ExchangeKind,
    PublisherConfirm,
};
use tokio::time::timeout;

use crate::tally::Tally;
use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};

/// Messages under way at once.
const WINDOW: usize = 1_000;
/// What AMQP calls a message that is to outlive the broker.
const PERSISTENT: u8 = 2;

#[derive(Clone)]
pub struct Place {
    uri: AMQPUri,
    exchange: String,
}

impl Place {
    pub fn read(parts: &Parts) -> Result<Place, Malformed> {
        let two = parts.names::<2>("<exchange>").map(|[vhost, exchange]| (vhost, exchange));
        let (vhost, exchange) =
            two.or_else(|_| parts.names::<1>("<exchange>").map(|[exchange]| ("/", exchange)))?;
        parts.only_options(&[])?;
        let (host, port) = parts.one_host()?.clone();
        let (scheme, usual) = match parts.scheme.as_str() {
            "amqps" => (AMQPScheme::AMQPS, 5671),
            _ => (AMQPScheme::AMQP, 5672),
        };
        let username = parts.user.clone().unwrap_or_else(|| "guest".to_owned());
        let password = parts.password.clone().unwrap_or_else(|| "guest".to_owned());
        let userinfo = AMQPUserInfo { username, password };
        let authority = AMQPAuthority { userinfo, host, port: port.unwrap_or(usual) };
        let query = AMQPQueryString::default();
        let uri = AMQPUri { scheme, authority, vhost: vhost.to_owned(), query };
        Ok(Place { uri, exchange: exchange.to_owned() })
    }
}

pub struct Line {
    /// Ends with it.
    _connection: Connection,
    channel: Channel,
    exchange: ShortString,
    /// Event types whose last message found a queue.
    routed: HashSet<String>,
    patience: Duration,
}

impl Line {
    pub async fn connect(place: &Place, settings: &Settings) -> Result<Line, Down> {
        let opened = timeout(settings.patience, open(place)).await;
        let (connection, channel) = opened.map_err(|_| late())?.map_err(|error| down(&error))?;
        Ok(Line {
            _connection: connection,
            channel,
            exchange: place.exchange.clone().into(),
            routed: HashSet::new(),
            patience: settings.patience,
        })
    }

    pub async fn deliver(&mut self, source: &str, events: &[Event]) -> Result<Vec<Outcome>, Down> {
        let mut tally = Tally::of(events);
        match self.send_all(source, events, &mut tally).await {
            Ok(()) => Ok(tally.finish()),
            Err(down) => Err(tally.down(down)),
        }
    }

    /// Whether a type finds a queue is known after its first message, so that one goes alone: what comes
    /// behind it is not sent where it was refused.
    async fn send_all(
        &mut self,
        source: &str,
        events: &[Event],
        tally: &mut Tally<'_>,
    ) -> Result<(), Down> {
        let mut under_way = Vec::new();
        for (at, event) in events.iter().enumerate() {
            if !self.routed.contains(&event.kind) || under_way.len() == WINDOW {
                self.settle(&mut under_way, events, tally).await?;
            }
            if tally.holds_back(at) {
                continue;
            }
            match self.publish(source, event).await {
                Ok(confirm) => under_way.push((at, confirm)),
                Err(down) => {
                    // What was sent before may have arrived.
                    let _ = self.settle(&mut under_way, events, tally).await;
                    return Err(down);
                }
            }
            if !self.routed.contains(&event.kind) {
                self.settle(&mut under_way, events, tally).await?;
            }
        }
        self.settle(&mut under_way, events, tally).await
    }

    async fn publish(&self, source: &str, event: &Event) -> Result<PublisherConfirm, Down> {
        let properties = BasicProperties::default()
            .with_content_type("application/cloudevents+json".into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(event.id.clone().into())
            .with_type(event.kind.clone().into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (self.exchange.clone(), event.kind.clone().into());
        let body = event.cloud_event(source);
        let sent = self.channel.basic_publish(exchange, key, options, &body, properties);
        let sent = timeout(self.patience, sent).await.map_err(|_| late())?;
        sent.map_err(|error| down(&error))
    }

    /// Waits for what is under way, in order.
    async fn settle(
        &mut self,
        under_way: &mut Vec<(usize, PublisherConfirm)>,
        events: &[Event],
        tally: &mut Tally<'_>,
    ) -> Result<(), Down> {
        for (at, confirm) in under_way.drain(..) {
            let confirmed = timeout(self.patience, confirm).await.map_err(|_| late())?;
            let kind = events.get(at).map(|event| event.kind.as_str()).unwrap_or_default();
            match confirmed.map_err(|error| down(&error))? {
                Confirmation::Ack(None) => {
                    if !self.routed.contains(kind) {
                        self.routed.insert(kind.to_owned());
                    }
                    tally.delivered(at);
                }
                Confirmation::Ack(Some(_)) | Confirmation::Nack(Some(_)) => {
                    self.routed.remove(kind);
                    let exchange = &self.exchange;
                    tally.refused(
                        at,
                        format!("no queue of exchange {exchange} takes {kind}: bind one"),
                    );
                }
                Confirmation::Nack(None) | Confirmation::NotRequested => {
                    return Err(Down::because(
                        "RabbitMQ did not take a message: a queue is full or failed",
                    ));
                }
            }
        }
        Ok(())
    }
}

async fn open(place: &Place) -> lapin::Result<(Connection, Channel)> {
    let name = LongString::from("inventory relay");
    let properties = ConnectionProperties::default().with_connection_name(name);
    let connection = Connection::connect_uri(place.uri.clone(), properties).await?;
    let channel = connection.create_channel().await?;
    // Only asks whether it is there.
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let exchange = place.exchange.clone().into();
    channel.exchange_declare(exchange, ExchangeKind::Topic, passive, FieldTable::default()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    Ok((connection, channel))
}

fn late() -> Down {
    Down::because("RabbitMQ does not answer in time")
}

fn down(error: &lapin::Error) -> Down {
    Down::because(format!("RabbitMQ: {error}"))
}
