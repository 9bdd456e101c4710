//! Kafka: a message an event with the SKU as its key, so that all of a SKU lie in one partition; sent by the
//! idempotent producer, which neither doubles nor reorders within a connection.

use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::future_producer::DeliveryFuture;
use rdkafka::producer::{FutureProducer, FutureRecord, Producer};

use crate::pipeline::{Pipe, Sent};
use crate::target::{Malformed, Parts};
use crate::{Down, Event, Outcome, Settings};

#[derive(Clone)]
pub struct Place {
    brokers: String,
    topic: String,
    login: Option<(String, String)>,
}

impl Place {
    /// With user and password: SASL PLAIN.
    pub fn read(parts: &Parts) -> Result<Place, Malformed> {
        let [topic] = parts.names("<topic>")?;
        parts.only_options(&[])?;
        let broker = |(host, port): &(String, Option<u16>)| {
            let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
            format!("{host}:{}", port.unwrap_or(9092))
        };
        let brokers: Vec<String> = parts.hosts.iter().map(broker).collect();
        let login = parts.user.clone().zip(parts.password.clone());
        Ok(Place { brokers: brokers.join(","), topic: topic.to_owned(), login })
    }
}

pub struct Line {
    producer: FutureProducer,
    topic: String,
}

impl Line {
    pub async fn connect(place: &Place, settings: &Settings) -> Result<Line, Down> {
        let producer = producer(place, settings.patience).map_err(|error| down(&error))?;
        let (asking, topic, patience) = (producer.clone(), place.topic.clone(), settings.patience);
        let known = tokio::task::spawn_blocking(move || {
            let metadata = asking.client().fetch_metadata(Some(&topic), patience)?;
            let error = metadata.topics().iter().find_map(|topic| topic.error());
            error.map_or(Ok(()), |error| Err(KafkaError::MetadataFetch(error.into())))
        });
        let known = known.await.map_err(|error| Down::because(format!("Kafka: {error}")))?;
        known.map_err(|error| down(&error))?;
        Ok(Line { producer, topic: place.topic.clone() })
    }
}

impl Pipe for Line {
    type Receipt = DeliveryFuture;

    async fn send(&mut self, event: &Event, body: Vec<u8>) -> Result<Sent<DeliveryFuture>, Down> {
        let form = Header { key: "content-type", value: Some("application/cloudevents+json") };
        let record = FutureRecord::to(&self.topic)
            .payload(&body)
            .key(event.sku.as_deref().unwrap_or(&event.id))
            .headers(OwnedHeaders::new().insert(form));
        match self.producer.send_result(record) {
            Ok(sent) => Ok(Sent::UnderWay(sent)),
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::MessageSizeTooLarge), _)) => {
                Ok(Sent::Refused(format!("{} bytes are more than a message may have", body.len())))
            }
            Err((error, _)) => Err(down(&error)),
        }
    }

    async fn answers(&mut self, sent: Vec<(&Event, DeliveryFuture)>) -> Result<Vec<Outcome>, Down> {
        let mut decided = Vec::new();
        for (_, sent) in sent {
            let down = match sent.await {
                Ok(Ok(_place)) => {
                    decided.push(Outcome::Delivered);
                    continue;
                }
                Ok(Err((error, _message))) => down(&error),
                Err(_) => Down::because("Kafka: the producer ended"),
            };
            return Err(Down { decided, ..down });
        }
        Ok(decided)
    }
}

fn producer(place: &Place, patience: Duration) -> Result<FutureProducer, KafkaError> {
    let mut config = ClientConfig::new();
    config
        .set("bootstrap.servers", &place.brokers)
        .set("client.id", "inventory relay")
        .set("enable.idempotence", "true")
        // One that is lost ends the producer, before later ones of its SKU are there.
        .set("enable.gapless.guarantee", "true")
        .set("linger.ms", "2")
        .set("message.timeout.ms", patience.as_millis().to_string());
    if let Some((user, password)) = &place.login {
        config.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
        config.set("sasl.username", user).set("sasl.password", password);
    }
    config.create()
}

fn down(error: &KafkaError) -> Down {
    Down::because(format!("Kafka: {error}"))
}
