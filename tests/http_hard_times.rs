//! Hard times over HTTP: a Redis that is flushed, frozen or gone, and a database that is killed under
//! load. Nothing is oversold, and what was promised is kept.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use futures::future::join_all;
use inventory_tests::{
    Client, Connection, Gateway, Pg, Redis, Reply, Request, Verdict, chaos, promises, skipped,
};
use serde_json::{Value, json};
use tokio::time::timeout;

promises!(
    a_redis_at_the_door_changes_nothing,
    promises_are_kept_when_the_database_is_back,
    two_gateways_keep_their_promises,
    a_database_that_says_nothing_is_away,
    a_database_that_comes_and_goes_does_nothing_twice,
    what_others_have_locked_is_waited_for_in_time,
);

/// How long a zero that the database confirmed refuses, by default.
const ZERO_WINDOW: Duration = Duration::from_millis(200);

fn sale(sku: &str) -> Request {
    Request::post("/v1/deductions", &json!({"sku": sku, "quantity": 1}))
}

/// All at once, half of them under keys of their own, which the door lets through.
async fn crowd(client: &Client, sku: &str, orders: usize) -> Vec<Reply> {
    let mut lines = Vec::new();
    for _ in 0..orders {
        lines.push(Connection::open(client.address).await.unwrap());
    }
    join_all(lines.iter_mut().enumerate().map(async |(n, line)| {
        let key = format!("{sku}-{}-{n}", client.address.port());
        let sale = if n % 2 == 0 { sale(sku) } else { sale(sku).once(&key) };
        line.send(&client.signed(&sale)).await.unwrap()
    }))
    .await
}

fn with_status(replies: &[Reply], status: u16) -> usize {
    replies.iter().filter(|reply| reply.status == status).count()
}

async fn a_redis_at_the_door_changes_nothing(pg: Pg) -> Verdict {
    let Some(mut redis) = Redis::start().await else { return skipped("this machine has no Redis") };
    let db = pg.database().await;
    let mut command = Gateway::command(&db);
    command.env("INVENTORY_REDIS_URL", redis.url()).args(["--hot-qps", "20"]);
    let gateway = Gateway::start(&db, command).await;
    let mut owner = db.owner().await;
    for state in ["there", "flushed", "frozen", "going on", "restarted", "gone"] {
        match state {
            "flushed" => redis.flush(),
            "frozen" => chaos::halt(redis.pid()),
            "going on" => {
                // As long as somebody needs to notice.
                tokio::time::sleep(Duration::from_secs(5)).await;
                chaos::go_on(redis.pid());
            }
            "restarted" => redis.restart().await,
            "gone" => chaos::kill(redis.pid()),
            _ => {}
        }
        // The second time it is hot, and known to be empty.
        for round in 0..2 {
            let sku = format!("{state}-{round}");
            db.stock(&[(&sku, 100)]).await;
            let replies = crowd(&gateway.operator, &sku, 500).await;
            assert_eq!(
                (with_status(&replies, 201), with_status(&replies, 400)),
                (100, 400),
                "{sku}"
            );
            // What comes in by plain SQL sells once no zero from before it counts any more.
            owner.run(&format!("SELECT inventory.receive('{sku}', 1)")).await;
            tokio::time::sleep(ZERO_WINDOW).await;
            gateway.operator.send(sale(&sku)).await.is(201);
        }
    }
    db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn promises_are_kept_when_the_database_is_back(pg: Pg) {
    keep_promises(pg, 1).await;
}

async fn two_gateways_keep_their_promises(pg: Pg) {
    keep_promises(pg, 2).await;
}

/// The database is killed under load, and while it is away the first of the gateways too. What is counted is
/// what the clients were told.
async fn keep_promises(pg: Pg, gateways: usize) {
    let db = pg.private_database(|builder| builder).await;
    let journals: Vec<_> = (0..gateways).map(|_| tempfile::tempdir().unwrap()).collect();
    let open = async |journal: &tempfile::TempDir| {
        let folder = journal.path().to_str().unwrap();
        let more = ["--journal-dir", folder, "--lease-min", "40", "--breaker-open-ms", "500"];
        Gateway::with(&db, &more).await
    };
    let mut running = Vec::new();
    for journal in &journals {
        running.push(open(journal).await);
    }
    db.stock(&[("A", 100)]).await;
    let mut owner = db.owner().await;
    for gateway in &running {
        gateway.operator.send(sale("A")).await.is(201);
    }
    let held = "FROM inventory.leases WHERE state = 'OPEN'";
    owner.until(&format!("SELECT count(*) >= {gateways} {held}")).await;
    drop(owner);

    db.server.kill();
    let crowds = running.iter().map(|gateway| crowd(&gateway.operator, "A", 60));
    let mut told: Vec<Vec<String>> = Vec::new();
    for replies in join_all(crowds).await {
        let promised = replies.iter().filter(|reply| reply.status == 202);
        let token = |reply: &Reply| reply.json()["token"].as_str().unwrap().to_owned();
        let tokens: Vec<String> = promised.map(token).collect();
        assert!((1..=60).contains(&tokens.len()), "{} were promised", tokens.len());
        let waiting = replies.len() - tokens.len();
        assert_eq!(with_status(&replies, 503), waiting, "the others are told to come again");
        told.push(tokens);
    }
    for gateway in &running {
        assert_eq!(gateway.operator.get("/v1/stock/A").await.is(200)["stale"], true);
    }

    // One dies too; its journal is on disk.
    let killed = running.remove(0);
    chaos::kill(killed.pid());
    drop(killed);
    db.server.start_again();
    running.insert(0, open(&journals[0]).await);
    let mut numbers = std::collections::BTreeSet::new();
    for (gateway, tokens) in running.iter().zip(&told) {
        for token in tokens {
            let told = gateway.operator.settled(token).await;
            assert_eq!(told["state"], "completed", "{told}");
            assert!(numbers.insert(told["order_no"].to_string()), "an order number each");
        }
    }
    let mut owner = db.owner().await;
    let sold =
        "SELECT -sum(on_hand_delta) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";
    owner.check(sold, &(numbers.len() + gateways).to_string()).await;
    db.verify_is_clean().await;
}

/// A frozen server breaks no connection and answers nothing.
async fn a_database_that_says_nothing_is_away(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    let journal = tempfile::tempdir().unwrap();
    let folder = journal.path().to_str().unwrap();
    let arguments = ["--journal-dir", folder, "--request-timeout-ms", "4000"];
    let gateway = Gateway::with(&db, &arguments).await;
    db.stock(&[("A", 100)]).await;
    gateway.operator.send(sale("A")).await.is(201);
    let mut owner = db.owner().await;
    owner.until("SELECT EXISTS (SELECT FROM inventory.leases WHERE state = 'OPEN')").await;

    let postmaster = db.server.postmaster();
    let frozen = || [vec![postmaster], chaos::children(postmaster)].concat();
    frozen().into_iter().for_each(chaos::halt);
    let reply = gateway.operator.send(sale("A")).await;
    let again = Request::new("GET", "/v1/stock/A");
    let read = gateway.operator.send(again.clone()).await;
    frozen().into_iter().for_each(chaos::go_on);
    let token = reply.is(202)["token"].as_str().unwrap().to_owned();
    assert_eq!(read.is(200)["stale"], true);

    assert_eq!(gateway.operator.settled(&token).await["state"], "completed");
    // The sale that was frozen had its request id: it was carried out once.
    owner.check("SELECT count(*) FROM inventory.audit_log WHERE reason = 'sale'", "2").await;
    gateway.until_ready().await;
    assert_eq!(gateway.operator.send(again).await.is(200)["stale"], Value::Null);
    db.verify_is_clean().await;
}

/// Stopped and killed while batches are under way: whoever repeats a sale under its key until it is answered
/// has sold once.
async fn a_database_that_comes_and_goes_does_nothing_twice(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    let more = ["--request-timeout-ms", "4000", "--breaker-open-ms", "300"];
    let gateway = Gateway::with(&db, &more).await;
    db.stock(&[("A", 1_000_000), ("B", 40)]).await;
    let over = AtomicBool::new(false);
    let sold = AtomicUsize::new(0);
    let sellers = join_all((0..32).map(async |seller| {
        let sku = if seller % 4 == 0 { "B" } else { "A" };
        for n in 0.. {
            if over.load(Relaxed) {
                return;
            }
            let sale = sale(sku).once(&format!("{seller}-{n}"));
            loop {
                let sent = gateway.operator.try_send(&sale);
                let reply =
                    timeout(Duration::from_secs(30), sent).await.expect("an answer in time");
                let reply = reply.unwrap();
                match reply.status {
                    201 => drop(sold.fetch_add(1, Relaxed)),
                    400 => {}
                    503 => continue,
                    _ => panic!("{}: {}", reply.status, reply.text()),
                }
                break;
            }
        }
    }));
    let chaos = async {
        for round in 0..6 {
            let before = sold.load(Relaxed);
            while sold.load(Relaxed) < before + 500 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            if round % 2 == 0 {
                db.server.stop_at_once()
            } else {
                db.server.stop()
            }
            db.server.start_again();
        }
        over.store(true, Relaxed);
    };
    futures::join!(sellers, chaos);
    gateway.until_ready().await;
    let told = sold.load(Relaxed).to_string();
    let mut owner = db.owner().await;
    let written =
        "SELECT -sum(on_hand_delta) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";
    owner.check(written, &told).await;
    owner.check("SELECT on_hand >= 0 FROM inventory.stock_level WHERE sku = 'B'", "t").await;
    db.verify_is_clean().await;
    gateway.logged_no_failure();
}

/// Everything that can wait for a table waits, with more of it than there are connections.
async fn what_others_have_locked_is_waited_for_in_time(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    let more = ["--request-timeout-ms", "2000", "--pool", "4", "--breaker-open-ms", "300"];
    let gateway = Gateway::with(&db, &more).await;
    db.stock(&[("A", 1_000)]).await;
    let mut owner = db.owner().await;
    owner.run("BEGIN; LOCK TABLE inventory.stock IN ACCESS EXCLUSIVE MODE").await;
    let line = json!([{"sku": "A", "quantity": 1}]);
    let mut asked = Vec::new();
    for n in 0..24 {
        let once = |request: Request| request.once(&format!("lock-{n}"));
        asked.push(once(sale("A")));
        let receipt = json!({"sku": "A", "quantity": 1});
        asked.push(once(Request::post("/v1/receipts", &receipt)));
        let change = json!({"sku": "A", "delta": 1, "reason": "found"});
        asked.push(once(Request::post("/v1/adjustments", &change)));
        asked.push(once(Request::post("/v1/reservations", &json!({"lines": line}))));
        asked.push(Request::new("GET", "/v1/stock/A"));
        asked.push(Request::new("GET", "/v1/stock?low=true"));
        asked.push(Request::new("GET", "/v1/audit?sku=A"));
    }
    let ask = async |request: &Request| {
        let reply = timeout(Duration::from_secs(20), gateway.operator.try_send(request));
        reply.await.expect("an answer in time").unwrap()
    };
    for _ in 0..2 {
        for (request, reply) in asked.iter().zip(join_all(asked.iter().map(ask)).await) {
            let known = [200, 503].contains(&reply.status);
            assert!(known, "{} {}: {}", request.path, reply.status, reply.text());
        }
    }
    owner.run("ROLLBACK").await;
    // Nobody has to see to it that it goes on.
    for request in &asked {
        while ask(request).await.status == 503 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    owner.check("SELECT on_hand, reserved FROM inventory.stock_level", "1024|24").await;
    db.verify_is_clean().await;
    gateway.logged_no_failure();
}
