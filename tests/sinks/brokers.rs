use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use chrono::Utc;
use inventory_sinks::{Down, Event, JsonObject, Outcome, Settings, Sink, Target};
use inventory_tests::broker::Kind;
use inventory_tests::{Broker, Pg, Takes, Verdict, skipped, soak};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// So many products that they come up again and again.
const SKUS: usize = 20;
/// What a relay might hand over at once.
const BATCH: usize = 500;

/// The `n`-th event of a shop; every type comes up for each product.
pub fn event(n: usize) -> Event {
    let kinds = ["STOCK_RECEIVED", "STOCK_DEDUCTED", "STOCK_RESERVED"];
    let sku = format!("SKU {}", n % SKUS);
    let number = Value::from(n);
    Event {
        id: format!("shop-1-{n}"),
        kind: kinds[n % kinds.len()].to_owned(),
        sku: Some(sku.clone()),
        time: Utc::now(),
        trace_id: None,
        data: JsonObject::from_iter([("sku".into(), sku.into()), ("version".into(), number)]),
    }
}

pub fn events(count: usize) -> Vec<Event> {
    (0..count).map(event).collect()
}

fn how_many() -> usize {
    if soak() { 100_000 } else { 5_000 }
}

pub fn settings() -> Settings {
    let patience = Duration::from_secs(30);
    Settings { source: "/shop".into(), patience, private_addresses: true }
}

pub async fn connect(target: &str) -> Result<Sink, Down> {
    Sink::connect(&Target::parse(target).unwrap(), &settings()).await
}

/// All of these ids arrived, the events of each SKU in the order of their versions; one that came again came
/// first in its place.
pub fn arrived(ids: BTreeSet<String>, received: &[Value], repeats_allowed: bool) {
    let mut seen = BTreeSet::new();
    let mut last: HashMap<&str, i64> = HashMap::new();
    for event in received {
        let id = event["id"].as_str().unwrap();
        if !seen.insert(id.to_owned()) {
            assert!(repeats_allowed, "{id} came again");
            continue;
        }
        let (sku, version) = (event["subject"].as_str(), event["data"]["version"].as_i64());
        if let Some((sku, version)) = sku.zip(version) {
            let before = last.insert(sku, version);
            assert!(before.is_none_or(|before| before < version), "{id} came behind {before:?}");
        }
    }
    let missing: Vec<_> = ids.difference(&seen).take(5).collect();
    assert!(missing.is_empty(), "of {} some are missing: {missing:?}", ids.len());
    assert_eq!(seen.len(), ids.len(), "events that nobody sent");
}

pub fn ids(events: &[Event]) -> BTreeSet<String> {
    events.iter().map(|event| event.id.clone()).collect()
}

async fn every_event_in_order(kind: Kind) -> Verdict {
    let Some(broker) = Broker::start(kind).await else { return skipped(format!("no {kind:?}")) };
    has_every_event_in_order(&broker).await;
    Verdict::Passed
}

pub async fn has_every_event_in_order(broker: &impl Takes) {
    let events = events(how_many());
    let mut sink = connect(&broker.target()).await.unwrap();
    for batch in events.chunks(BATCH) {
        let outcomes = sink.deliver(batch).await.unwrap();
        assert_eq!(outcomes, vec![Outcome::Delivered; batch.len()]);
    }
    arrived(ids(&events), &broker.events().await, false);
}

pub async fn redis_has_every_event_in_order(_: Pg) -> Verdict {
    every_event_in_order(Kind::Redis).await
}

pub async fn nats_has_every_event_in_order(_: Pg) -> Verdict {
    every_event_in_order(Kind::Nats).await
}

pub async fn rabbitmq_has_every_event_in_order(_: Pg) -> Verdict {
    every_event_in_order(Kind::RabbitMq).await
}

/// Goes on as a relay does: from what was decided, on a new connection. Gives how often it was down.
async fn deliver_all(target: String, events: Vec<Event>, done: Arc<AtomicUsize>) -> usize {
    let (mut rest, mut downs, mut line) = (events.as_slice(), 0, None);
    while !rest.is_empty() {
        let delivery = match &mut line {
            Some(sink) => Sink::deliver(sink, &rest[..BATCH.min(rest.len())]).await,
            None => match connect(&target).await {
                Ok(sink) => {
                    line = Some(sink);
                    continue;
                }
                Err(down) => Err(down),
            },
        };
        let decided = match delivery {
            Ok(outcomes) => outcomes,
            Err(down) => {
                (line, downs) = (None, downs + 1);
                tokio::time::sleep(Duration::from_millis(50)).await;
                down.decided
            }
        };
        // Killed at once after it was set up, RabbitMQ may have forgotten its queue.
        let is_told = |outcome: &&Outcome| **outcome == Outcome::Delivered;
        let told = decided.iter().take_while(is_told).count();
        rest = &rest[told..];
        done.fetch_add(told, Ordering::Relaxed);
        if told < decided.len() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    downs
}

async fn comes_back_and_misses_nothing(kind: Kind) -> Verdict {
    let Some(mut broker) = Broker::start(kind).await else {
        return skipped(format!("no {kind:?}"));
    };
    let (events, done) = (events(how_many()), Arc::new(AtomicUsize::new(0)));
    let relay = tokio::spawn(deliver_all(broker.target(), events.clone(), done.clone()));
    while done.load(Ordering::Relaxed) < events.len() / 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    broker.kill();
    let unfinished = done.load(Ordering::Relaxed) < events.len();
    broker.resume().await;
    let downs = relay.await.unwrap();
    assert!(unfinished && downs > 0, "it was not in the middle");
    arrived(ids(&events), &broker.events().await, true);
    Verdict::Passed
}

pub async fn redis_comes_back_and_misses_nothing(_: Pg) -> Verdict {
    comes_back_and_misses_nothing(Kind::Redis).await
}

pub async fn nats_comes_back_and_misses_nothing(_: Pg) -> Verdict {
    comes_back_and_misses_nothing(Kind::Nats).await
}

pub async fn rabbitmq_comes_back_and_misses_nothing(_: Pg) -> Verdict {
    comes_back_and_misses_nothing(Kind::RabbitMq).await
}

/// A type that is bound to no queue: its events come back, what is behind them waits, others flow on.
pub async fn what_no_queue_takes_is_refused(_: Pg) -> Verdict {
    let Some(broker) = Broker::start(Kind::RabbitMq).await else { return skipped("no RabbitMQ") };
    broker.bind("STOCK_RECEIVED").await;
    broker.unbind("#").await;
    let mut sink = connect(&broker.target()).await.unwrap();
    let of = |n: usize, kind: &str, sku: &str| Event {
        kind: kind.into(),
        sku: Some(sku.into()),
        ..event(n)
    };
    let batch = [
        of(1, "STOCK_RECEIVED", "A"),
        of(2, "STOCK_DEDUCTED", "A"),
        of(3, "STOCK_RECEIVED", "A"),
        of(4, "STOCK_RECEIVED", "B"),
    ];
    let outcomes = sink.deliver(&batch).await.unwrap();
    let [Outcome::Delivered, Outcome::Refused(reason), Outcome::Behind, Outcome::Delivered] =
        &outcomes[..]
    else {
        panic!("{outcomes:?}")
    };
    assert!(reason.contains("no queue of exchange events takes STOCK_DEDUCTED"), "{reason}");
    broker.bind("#").await;
    let outcomes = sink.deliver(&batch[1..3]).await.unwrap();
    assert_eq!(outcomes, [Outcome::Delivered, Outcome::Delivered]);
    let received = broker.events().await;
    let ids: Vec<_> = received.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["shop-1-1", "shop-1-4", "shop-1-2", "shop-1-3"]);
    Verdict::Passed
}

pub async fn what_is_too_long_is_refused(_: Pg) -> Verdict {
    let Some(broker) = Broker::start(Kind::Nats).await else { return skipped("no NATS") };
    refuses_what_is_longer(&broker, 100_000).await;
    Verdict::Passed
}

pub async fn refuses_what_is_longer(broker: &impl Takes, bytes: usize) {
    let mut sink = connect(&broker.target()).await.unwrap();
    let mut batch = [event(1), event(2), event(1 + SKUS)];
    batch[0].data.insert("note".into(), "x".repeat(bytes).into());
    let outcomes = sink.deliver(&batch).await.unwrap();
    let [Outcome::Refused(reason), Outcome::Delivered, Outcome::Behind] = &outcomes[..] else {
        panic!("{outcomes:?}")
    };
    assert!(reason.contains("bytes are more than"), "{reason}");
    assert_eq!(broker.events().await.len(), 1);
}

/// What is set up wrongly is said in words that help, before any event is lost to it.
pub async fn what_is_not_there_is_named(_: Pg) -> Verdict {
    let (password, wrong) = ("of-the-tests", "wrong");
    let mut met = Vec::new();
    for (kind, cases) in [
        (Kind::Redis, vec![(password, wrong, "Password authentication failed")]),
        (Kind::Nats, vec![(password, wrong, "authorization"), ("EVENTS", "NO", "no stream NO")]),
        (
            Kind::RabbitMq,
            vec![(password, wrong, "ACCESS_REFUSED"), ("/events", "/no", "no exchange 'no'")],
        ),
    ] {
        let Some(broker) = Broker::start(kind).await else { continue };
        met.push(kind);
        for (from, to, says) in cases {
            let down = connect(&broker.target().replace(from, to)).await.map(|_| ()).unwrap_err();
            assert!(down.reason.contains(says), "{kind:?}: {down}");
        }
    }
    if met.is_empty() { skipped("no broker") } else { Verdict::Passed }
}

/// Neither by an address, nor by what a server that is away or does not let us in makes of it.
pub async fn no_password_is_shown(_: Pg) {
    for target in [
        "redis://u:hush@127.0.0.1:1/s",
        "nats://u:hush@127.0.0.1:1/S/s",
        "nats://hush@127.0.0.1:1/S/s",
        "amqp://u:hush@127.0.0.1:1/x",
        "webhook+http://:whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo@127.0.0.1:1/hush?hush",
    ] {
        let parsed = Target::parse(target).unwrap();
        let down = match connect(target).await {
            Ok(mut sink) => sink.deliver(&[event(1)]).await.unwrap_err(),
            Err(down) => down,
        };
        let shown = format!("{parsed} {parsed:?} {down} {down:?}");
        assert!(!shown.contains("hush") && !shown.contains("aHVz"), "{shown}");
    }
}

/// Whoever asks for TLS talks to nobody without it.
pub async fn a_server_without_tls_is_away(_: Pg) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"INFO {}\r\n").await;
            let _ = stream.read(&mut [0; 64]).await;
        }
    });
    let secret = "whsec_aHVzaGh1c2hodXNoaHVzaGh1c2hodXNo";
    for target in [
        format!("rediss://:p@{address}/s"),
        format!("tls://u:p@{address}/S/s"),
        format!("amqps://u:p@{address}/x"),
        format!("webhook+https://:{secret}@{address}/"),
    ] {
        let down = match connect(&target).await {
            Ok(mut sink) => sink.deliver(&[event(1)]).await.map(|_| ()),
            Err(down) => Err(down),
        };
        assert!(down.is_err(), "{target}");
    }
}
