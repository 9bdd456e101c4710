use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use inventory_tests::broker::Kind;
use inventory_tests::{Broker, Database, Pg, Relay, Takes, Verdict, skipped, soak};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

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

/// So many orders of several clients at once.
pub async fn crowd(db: &Database, orders: usize) {
    let clients = (0..CLIENTS).map(|_| sell(db.clone(), orders / CLIENTS));
    futures::future::join_all(clients).await;
    let journal = db.owner().await.number("SELECT count(*) FROM inventory.journal").await;
    assert!(journal > i64::try_from(orders).unwrap());
}

pub fn orders() -> usize {
    if soak() { 100_000 } else { 4_000 }
}

/// One order after the other, each by itself, until it is stopped.
struct Customer {
    stop: Arc<AtomicBool>,
    task: JoinHandle<()>,
}

impl Customer {
    fn of(db: &Database) -> Customer {
        let (db, stop) = (db.clone(), Arc::new(AtomicBool::new(false)));
        let stopped = Arc::clone(&stop);
        let task = tokio::spawn(async move {
            let mut session = db.operator().await;
            for n in (0..SKUS).cycle().take_while(|_| !stopped.load(Ordering::Relaxed)) {
                session.run(&format!("SELECT inventory.deduct('SKU {n}', 1)")).await;
            }
        });
        Customer { stop, task }
    }

    async fn leaves(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.unwrap();
    }
}

/// Counts who comes to a door that opens to nobody.
struct Knocks(JoinHandle<()>, tokio::sync::watch::Receiver<usize>);

impl Knocks {
    async fn at(port: u16) -> Knocks {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let (count, counted) = tokio::sync::watch::channel(0);
        let task = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                count.send_modify(|count| *count += 1);
            }
        });
        Knocks(task, counted)
    }

    /// Waits for one more; then the door is free again. Gives how many there were.
    async fn end(mut self) -> usize {
        self.1.borrow_and_update();
        self.1.changed().await.unwrap();
        self.0.abort();
        let _ = self.0.await;
        *self.1.borrow()
    }
}

/// A shop that tells these brokers.
pub async fn shop(pg: &Pg, targets: impl IntoIterator<Item = String>) -> Database {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    for (number, target) in targets.into_iter().enumerate() {
        admin.run(&format!("SELECT inventory.put_sink('broker-{number}', '{target}')")).await;
    }
    let stock: Vec<String> = (0..SKUS).map(|n| format!("SKU {n}")).collect();
    let stock: Vec<(&str, i64)> = stock.iter().map(|sku| (sku.as_str(), 10_000_000)).collect();
    db.stock(&stock).await;
    db
}

/// Waits until no sink has anything before it; fails the test after half an hour.
pub async fn until_told(db: &Database) {
    let begun = Instant::now();
    let mut reader = db.reader().await;
    let told =
        "SELECT bool_and(pending = 0 AND lag_seconds = 0 AND retrying = 0) FROM inventory.sinks";
    while reader.text(told).await != "t" {
        assert!(begun.elapsed() < Duration::from_secs(1_800), "events do not arrive");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let well = "SELECT bool_and(dead = 0 AND failing_since IS NULL) FROM inventory.sinks";
    reader.check(well, "t").await;
}

/// Each has every event of the journal, those of a SKU in order.
pub async fn told_all(db: &Database, broker: &impl Takes, repeats_allowed: bool) {
    let journal = db.owner().await.text("SELECT id FROM inventory.journal").await;
    let received = broker.events().await;
    let (before, _) = received[0]["id"].as_str().unwrap().rsplit_once('-').unwrap();
    let ids = journal.lines().map(|id| format!("{before}-{id}")).collect::<BTreeSet<_>>();
    arrived(ids, &received, repeats_allowed);
}

/// A relay tells these of a run of orders while it happens, and each event once.
pub async fn hear_of_every_order(pg: &Pg, brokers: &[impl Takes]) {
    let db = shop(pg, brokers.iter().map(Takes::target)).await;
    let relay = Relay::start(&db);
    crowd(&db, orders()).await;
    until_told(&db).await;
    for broker in brokers {
        told_all(&db, broker, false).await;
    }
    assert_eq!(relay.terminated().await, Some(0));
    db.verify_is_clean().await;
}

pub async fn each_broker_hears_of_every_order(pg: Pg) -> Verdict {
    let mut brokers = Vec::new();
    for kind in [Kind::Redis, Kind::Nats, Kind::RabbitMq] {
        brokers.extend(Broker::start(kind).await);
    }
    if brokers.is_empty() {
        return skipped("no broker");
    }
    hear_of_every_order(&pg, &brokers).await;
    Verdict::Passed
}

/// The broker is killed under orders and stays away for a minute. The relay asks for it ever more seldom, gives
/// no event up, and tells all of it when it is back.
pub async fn comes_back_to_all_of_it(pg: &Pg, broker: &mut impl Takes) {
    let away = Duration::from_secs(if soak() { 60 } else { 3 });
    let db = shop(pg, [broker.target()]).await;
    let relay = Relay::with(&db, &["--relay-patience-ms=2000"]);
    let customer = Customer::of(&db);
    let mut reader = db.reader().await;
    reader.until("SELECT delivered > 500 FROM inventory.sinks").await;
    broker.kill();
    let knocks = match broker.door() {
        Some(port) => Some(Knocks::at(port).await),
        None => None,
    };
    // This long it is away; nothing waits for it to be over.
    tokio::time::sleep(away).await;
    reader.until("SELECT failing_since IS NOT NULL AND failure <> '' FROM inventory.sinks").await;
    reader.check("SELECT lag_seconds > 0, pending > 0, dead FROM inventory.sinks", "t|t|0").await;
    if let Some(knocks) = knocks {
        let count = knocks.end().await;
        assert!((3..18).contains(&count), "it was asked for {count} times: {}", relay.log());
    }
    broker.resume().await;
    customer.leaves().await;
    until_told(&db).await;
    told_all(&db, broker, true).await;
    assert_eq!(relay.terminated().await, Some(0));
    db.verify_is_clean().await;
}

async fn down_for_a_while(pg: &Pg, kind: Kind) -> Verdict {
    let Some(mut broker) = Broker::start(kind).await else {
        return skipped(format!("no {kind:?}"));
    };
    comes_back_to_all_of_it(pg, &mut broker).await;
    Verdict::Passed
}

pub async fn redis_is_down_for_a_while_under_orders(pg: Pg) -> Verdict {
    down_for_a_while(&pg, Kind::Redis).await
}

pub async fn nats_is_down_for_a_while_under_orders(pg: Pg) -> Verdict {
    down_for_a_while(&pg, Kind::Nats).await
}
