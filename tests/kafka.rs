//! Kafka as its own library plays it, by itself and through a relay. Only where it was compiled in: `make kafka`.
#![allow(clippy::unwrap_used)] // a test may end in a panic

// What is asked of the other brokers in `sinks.rs` is left.
#[allow(dead_code)]
mod sinks {
    pub mod brokers;
    pub mod relayed;
}

use inventory_tests::{Kafka, Pg, Relay, Takes, promises};
use sinks::{brokers, relayed};

promises!(
    once: kafka_has_every_event_in_order,
    what_is_too_long_is_refused,
    kafka_hears_of_every_order,
    kafka_is_down_for_a_while_under_orders,
    without_one_of_its_brokers_it_hears_later,
);

async fn kafka_has_every_event_in_order(_: Pg) {
    brokers::has_every_event_in_order(&Kafka::start()).await;
}

async fn what_is_too_long_is_refused(_: Pg) {
    brokers::refuses_what_is_longer(&Kafka::start(), 2_000_000).await;
}

async fn kafka_hears_of_every_order(pg: Pg) {
    relayed::hear_of_every_order(&pg, &[Kafka::start()]).await;
}

async fn kafka_is_down_for_a_while_under_orders(pg: Pg) {
    relayed::comes_back_to_all_of_it(&pg, &mut Kafka::start()).await;
}

/// A third of the partitions has nobody who takes events, longer than the relay waits for an answer.
async fn without_one_of_its_brokers_it_hears_later(pg: Pg) {
    let kafka = Kafka::start();
    let db = relayed::shop(&pg, [kafka.target()]).await;
    let relay = Relay::with(&db, &["--relay-patience-ms=2000"]);
    let part = relayed::orders() / 3;
    relayed::crowd(&db, part).await;
    kafka.lose(2);
    relayed::crowd(&db, part).await;
    let mut reader = db.reader().await;
    reader.until("SELECT failing_since IS NOT NULL FROM inventory.sinks").await;
    relayed::crowd(&db, part).await;
    kafka.regain(2);
    relayed::until_told(&db).await;
    relayed::told_all(&db, &kafka, true).await;
    assert_eq!(relay.terminated().await, Some(0));
    db.verify_is_clean().await;
}
