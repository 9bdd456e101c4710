//! Kafka as its own library plays it: every event arrives, those of a SKU in order, also when brokers go away.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::HashMap;
use std::time::Duration;

use chrono::Utc;
use inventory_sinks::{Event, JsonObject, Outcome, Settings, Sink, Target};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{Consumer, StreamConsumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use serde_json::Value;

const EVENTS: usize = 5_000;
const SKUS: usize = 20;
const PARTITIONS: i32 = 4;

type Cluster = MockCluster<'static, DefaultProducerContext>;

fn cluster() -> Cluster {
    let cluster = MockCluster::new(3).unwrap();
    cluster.create_topic("events", PARTITIONS, 3).unwrap();
    cluster
}

fn target(cluster: &Cluster) -> Target {
    Target::parse(&format!("kafka://{}/events", cluster.bootstrap_servers())).unwrap()
}

fn settings() -> Settings {
    Settings { patience: Duration::from_secs(5), ..Settings::default() }
}

fn event(n: usize) -> Event {
    Event {
        id: format!("shop-1-{n}"),
        kind: "STOCK_DEDUCTED".into(),
        sku: Some(format!("SKU {}", n % SKUS)),
        time: Utc::now(),
        trace_id: None,
        data: JsonObject::from_iter([("version".into(), n.into())]),
    }
}

/// What lies in the topic, until nothing is missing: the numbers of the events, in order of arrival, by SKU.
async fn read(cluster: &Cluster, count: usize) -> HashMap<String, Vec<u64>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "reader");
    let consumer: StreamConsumer = config.set("auto.offset.reset", "earliest").create().unwrap();
    consumer.subscribe(&["events"]).unwrap();
    let (mut by_sku, mut seen): (HashMap<String, Vec<u64>>, usize) = (HashMap::new(), 0);
    while seen < count {
        let next = tokio::time::timeout(Duration::from_secs(60), consumer.recv()).await;
        let message = next.expect("some are missing").unwrap();
        let event: Value = serde_json::from_slice(message.payload().unwrap()).unwrap();
        let sku = event["subject"].as_str().unwrap();
        assert_eq!(message.key().unwrap(), sku.as_bytes());
        let (numbers, number) =
            (by_sku.entry(sku.into()).or_default(), event["data"]["version"].as_u64().unwrap());
        if !numbers.contains(&number) {
            numbers.push(number);
            seen += 1;
        }
    }
    by_sku
}

async fn in_order(cluster: &Cluster) {
    for (sku, numbers) in read(cluster, EVENTS).await {
        assert_eq!(numbers.len(), EVENTS / SKUS, "{sku}");
        assert!(numbers.is_sorted(), "{sku}: {numbers:?}");
    }
}

#[tokio::test]
async fn every_event_arrives_in_order() {
    let cluster = cluster();
    let mut sink = Sink::connect(&target(&cluster), &settings()).await.unwrap();
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    let outcomes = sink.deliver(&events).await.unwrap();
    assert_eq!(outcomes, vec![Outcome::Delivered; EVENTS]);
    in_order(&cluster).await;
}

#[tokio::test]
async fn brokers_that_go_away_come_back_to_all_of_it() {
    let cluster = cluster();
    let events: Vec<Event> = (0..EVENTS).map(event).collect();
    let (mut rest, mut downs) = (events.as_slice(), 0);
    let mut sink = Sink::connect(&target(&cluster), &settings()).await.unwrap();
    let first = sink.deliver(&rest[..EVENTS / 2]).await.unwrap();
    rest = &rest[first.len()..];
    (1..=3).for_each(|broker| cluster.broker_down(broker).unwrap());
    while !rest.is_empty() {
        let decided = match sink.deliver(rest).await {
            Ok(outcomes) => outcomes,
            Err(down) => {
                downs += 1;
                (1..=3).for_each(|broker| cluster.broker_up(broker).unwrap());
                sink = Sink::connect(&target(&cluster), &settings()).await.unwrap();
                down.decided
            }
        };
        rest = &rest[decided.len()..];
    }
    assert!(downs > 0, "nobody noticed that the brokers were away");
    in_order(&cluster).await;
}

#[tokio::test]
async fn what_is_too_long_is_refused() {
    let cluster = cluster();
    let mut sink = Sink::connect(&target(&cluster), &settings()).await.unwrap();
    let mut events = [event(1), event(2), event(1 + SKUS)];
    events[0].data.insert("note".into(), "x".repeat(2_000_000).into());
    let outcomes = sink.deliver(&events).await.unwrap();
    assert!(
        matches!(outcomes.as_slice(), [Outcome::Refused(_), Outcome::Delivered, Outcome::Behind]),
        "{outcomes:?}"
    );
}
