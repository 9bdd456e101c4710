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

use crate::pipeline::{Pipe, Sent};
use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};

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
}

/// Whether a type finds a queue is known after its first message.
impl Pipe for Line {
    type Receipt = PublisherConfirm;

    fn trusts(&self, event: &Event) -> bool {
        self.routed.contains(&event.kind)
    }

    async fn send(&mut self, event: &Event, body: Vec<u8>) -> Result<Sent<PublisherConfirm>, Down> {
        let properties = BasicProperties::default()
            .with_content_type("application/cloudevents+json".into())
            .with_delivery_mode(PERSISTENT)
            .with_message_id(event.id.clone().into())
            .with_type(event.kind.clone().into());
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let (exchange, key) = (self.exchange.clone(), event.kind.clone().into());
        let sent = self.channel.basic_publish(exchange, key, options, &body, properties);
        let sent = timeout(self.patience, sent).await.map_err(|_| late())?;
        sent.map(Sent::UnderWay).map_err(|error| down(&error))
    }

    /// The client gives a returned message out with any confirm of those that wait, so nothing is known of one
    /// before all are there; then the messages' ids tell.
    async fn answers(
        &mut self,
        sent: Vec<(&Event, PublisherConfirm)>,
    ) -> Result<Vec<Outcome>, Down> {
        let (mut events, mut returned) = (Vec::new(), HashSet::new());
        for (event, confirm) in sent {
            let confirmed = timeout(self.patience, confirm).await.map_err(|_| late())?;
            let Confirmation::Ack(message) = confirmed.map_err(|error| down(&error))? else {
                return Err(Down::because(
                    "RabbitMQ did not take a message: a queue is full or failed",
                ));
            };
            events.push(event);
            let id = message.and_then(|message| message.delivery.properties.message_id().clone());
            returned.extend(id.map(|id| id.to_string()));
        }
        Ok(events
            .into_iter()
            .map(|event| self.outcome(event, returned.contains(&event.id)))
            .collect())
    }
}

impl Line {
    fn outcome(&mut self, event: &Event, returned: bool) -> Outcome {
        let Event { kind, .. } = event;
        if returned {
            self.routed.remove(kind);
            return Outcome::Refused(format!(
                "no queue of exchange {} takes {kind}: bind one",
                self.exchange
            ));
        }
        if !self.trusts(event) {
            self.routed.insert(kind.clone());
        }
        Outcome::Delivered
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
