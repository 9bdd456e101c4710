use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use inventory_tests::broker::Kind;
use inventory_tests::{Broker, Database, Pg, Relay, Verdict, skipped, soak};

use super::brokers::arrived;

const SKUS: usize = 20;
const CLIENTS: usize = 4;

/// So many orders, by themselves or many in a call.
async fn sell(db: Database, orders: usize) {
    let mut session = db.operator().await;
    let mut left = orders;
    for size in [1, 20, 500].into_iter().cycle() {
        let size = size.min(left);
        let call = format!(
            "SELECT count(*) FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[{size}]), \
             ARRAY(SELECT 'SKU ' || (n * 7 + {left}) % {SKUS} FROM generate_series(1, {size}) AS n), \
             array_fill(1::bigint, ARRAY[{size}]))"
        );
        session.run(&call).await;
        left -= size;
        if left == 0 {
            return;
        }
    }
}

/// Waits until no sink has anything before it; fails the test after half an hour.
async fn until_told(db: &Database) {
    let begun = Instant::now();
    let mut reader = db.reader().await;
    let told = "SELECT bool_and(pending = 0 AND retrying = 0 AND dead = 0) FROM inventory.sinks";
    while reader.text(told).await != "t" {
        assert!(begun.elapsed() < Duration::from_secs(1_800), "events do not arrive");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A relay tells every broker there is of a run of orders while it happens: each has every event of the
/// journal, once, those of a SKU in order.
pub async fn each_broker_hears_of_every_order(pg: Pg) -> Verdict {
    let mut brokers = Vec::new();
    for kind in [Kind::Redis, Kind::Nats, Kind::RabbitMq] {
        brokers.extend(Broker::start(kind).await);
    }
    if brokers.is_empty() {
        return skipped("no broker");
    }
    let db = pg.database().await;
    let mut admin = db.admin().await;
    for (number, broker) in brokers.iter().enumerate() {
        let target = broker.target();
        admin.run(&format!("SELECT inventory.put_sink('broker-{number}', '{target}')")).await;
    }
    let stock: Vec<String> = (0..SKUS).map(|n| format!("SKU {n}")).collect();
    let stock: Vec<(&str, i64)> = stock.iter().map(|sku| (sku.as_str(), 1_000_000)).collect();
    let relay = Relay::start(&db);
    db.stock(&stock).await;
    let orders = if soak() { 100_000 } else { 4_000 };
    let clients = (0..CLIENTS).map(|_| sell(db.clone(), orders / CLIENTS));
    futures::future::join_all(clients).await;
    until_told(&db).await;
    let journal = db.owner().await.text("SELECT id FROM inventory.journal").await;
    let journal: BTreeSet<&str> = journal.lines().collect();
    assert!(journal.len() > orders);
    for broker in &brokers {
        let received = broker.events().await;
        let (before, _) = received[0]["id"].as_str().unwrap().rsplit_once('-').unwrap();
        arrived(journal.iter().map(|id| format!("{before}-{id}")).collect(), &received, false);
    }
    assert_eq!(relay.terminated().await, Some(0));
    db.verify_is_clean().await;
    Verdict::Passed
}
