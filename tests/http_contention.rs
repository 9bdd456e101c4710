//! Many at once over HTTP, and gateways that go down under them: nothing is oversold, nothing is lost
//! or done twice, and one row that somebody holds stops nobody else.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::chaos::kill;
use inventory_tests::{Client, Connection, Database, Gateway, Pg, Reply, Request, promises};
use serde_json::json;
use tokio::io::AsyncWriteExt;

promises!(
    five_hundred_orders_on_a_hundred_units,
    two_gateways_before_one_database,
    who_hangs_up_is_served_all_the_same,
    a_row_that_is_held_stops_its_sku_alone,
    who_waits_for_the_same_row_waits_together,
    who_restocks_sells_again,
    a_full_queue_says_so_at_once,
    going_down_under_load,
    killed_under_load,
    a_second_signal_ends_it_at_once,
    open_requests_have_a_deadline,
);

fn sale(sku: &str, key: &str) -> Request {
    Request::post("/v1/deductions", &json!({"sku": sku, "quantity": 1})).once(key)
}

/// All at once, a connection each; how many were sold and how many were refused.
async fn crowd(clients: &[&Client], sku: &str, orders: usize) -> (usize, usize) {
    let mut lines = Vec::new();
    for n in 0..orders {
        let client = clients[n % clients.len()];
        lines.push((client, Connection::open(client.address).await.unwrap()));
    }
    let replies = join_all(lines.iter_mut().enumerate().map(async |(n, (client, line))| {
        line.send(&client.signed(&sale(sku, &format!("crowd-{n}")))).await.unwrap()
    }))
    .await;
    let sold: Vec<_> = replies.iter().filter(|reply| reply.status == 201).collect();
    let numbers: BTreeSet<_> =
        sold.iter().map(|reply| reply.json()["order_no"].to_string()).collect();
    assert_eq!(numbers.len(), sold.len(), "an order number each");
    for reply in replies.iter().filter(|reply| reply.status != 201) {
        reply.refuses(400, "insufficient_stock", "requested 1 units, available: 0");
    }
    (sold.len(), replies.len() - sold.len())
}

async fn five_hundred_orders_on_a_hundred_units(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("HOT", 100)]).await;
    assert_eq!(crowd(&[&gateway.operator], "HOT", 500).await, (100, 400));
    let journal =
        "SELECT count(*), sum(on_hand_delta) FROM inventory.journal WHERE order_no IS NOT NULL";
    db.owner().await.check(journal, "100|-100").await;
    db.verify_is_clean().await;
    gateway.logged_no_failure();
}

async fn two_gateways_before_one_database(pg: Pg) {
    let db = pg.database().await;
    let (one, other) = (Gateway::before(&db).await, Gateway::before(&db).await);
    db.stock(&[("HOT", 100)]).await;
    assert_eq!(crowd(&[&one.operator, &other.operator], "HOT", 500).await, (100, 400));
    // What one sold the other repeats.
    db.stock(&[("COLD", 1)]).await;
    let first = one.operator.send(sale("COLD", "twice")).await.is(201);
    let second = other.operator.send(sale("COLD", "twice")).await;
    assert_eq!(second.is(201)["order_no"], first["order_no"]);
    assert_eq!(second.header("idempotent-replayed"), Some("true"));
    db.verify_is_clean().await;
}

/// Says it and hangs up.
async fn say(client: &Client, request: &Request) {
    let mut line = Connection::open(client.address).await.unwrap();
    line.stream.write_all(&client.signed(request).bytes(client.address)).await.unwrap();
    // Long enough for it to be read, whatever becomes of it.
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn who_hangs_up_is_served_all_the_same(pg: Pg) {
    let db = pg.database().await;
    let gateway =
        Gateway::with(&db, &["--lock-wait-ms", "60000", "--request-timeout-ms", "60000"]).await;
    db.stock(&[("A", 10), ("B", 10), ("C", 10)]).await;
    let mut holder = db.operator().await;
    holder.run("BEGIN").await;
    for sku in ["A", "B", "C"] {
        holder.run(&format!("SELECT inventory.deduct('{sku}', 1)")).await;
    }
    let adjust = json!({"sku": "B", "delta": -2, "reason": "broken"});
    let lines = json!({"lines": [{"sku": "C", "quantity": 3}]});
    let requests = [
        sale("A", "gone-1"),
        Request::post("/v1/adjustments", &adjust).once("gone-2"),
        Request::post("/v1/reservations", &lines).once("gone-3"),
    ];
    for request in &requests {
        say(&gateway.operator, request).await;
    }
    let mut owner = db.owner().await;
    owner.until_waiting(3).await;
    holder.run("COMMIT").await;
    let levels = "SELECT string_agg(sku || on_hand || reserved, ' ' ORDER BY sku) FROM inventory.stock_level";
    owner.until(&format!("SELECT ({levels}) = 'A80 B70 C93'")).await;
    // And whoever comes back for the answer gets it, and no second effect.
    for request in requests {
        let again = gateway.operator.send(request).await;
        assert_eq!(
            (again.status, again.header("idempotent-replayed")),
            (201, Some("true")),
            "{}",
            again.text()
        );
    }
    owner.check(levels, "A80 B70 C93").await;
    db.verify_is_clean().await;
}

async fn a_row_that_is_held_stops_its_sku_alone(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--lock-wait-ms", "300"]).await;
    db.stock(&[("HELD", 100), ("FREE", 100)]).await;
    let mut holder = db.operator().await;
    holder.run("BEGIN; SELECT inventory.deduct('HELD', 1)").await;
    let operator = &gateway.operator;
    let held: Vec<_> = (0..20).map(|n| sale("HELD", &format!("h{n}"))).collect();
    let held = join_all(held.into_iter().map(|request| operator.send(request)));
    let free = async {
        let mut sold = 0;
        for n in 0..100 {
            sold += usize::from(operator.send(sale("FREE", &format!("f{n}"))).await.status == 201);
        }
        sold
    };
    // All of that while the row is held.
    let (refused, sold) = futures::join!(held, free);
    assert_eq!(sold, 100);
    for reply in refused {
        let problem = reply.refuses(503, "busy", "");
        assert_eq!(problem["sku"], "HELD", "{problem}");
    }
    let adjust = json!({"sku": "HELD", "delta": 1, "reason": "found"});
    operator.post("/v1/adjustments", &adjust).await.refuses(503, "busy", "");
    holder.run("COMMIT").await;
    operator.send(sale("HELD", "h0")).await.is(201);
    assert_eq!(operator.get("/v1/stock/HELD").await.is(200)["on_hand"], 98);
    db.verify_is_clean().await;
    gateway.logged_no_failure();
}

/// A crowd that waits for one row takes one connection, so others can wait for other rows; and when the row
/// is free it goes at once, not one by one.
async fn who_waits_for_the_same_row_waits_together(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--lock-wait-ms", "60000"]).await;
    db.stock(&[("HELD", 100), ("OTHER", 100), ("THIRD", 100)]).await;
    let mut holder = db.operator().await;
    holder.run("BEGIN").await;
    for sku in ["HELD", "OTHER", "THIRD"] {
        holder.run(&format!("SELECT inventory.deduct('{sku}', 1)")).await;
    }
    let operator = &gateway.operator;
    let orders = (0..60).map(|n| operator.send(sale("HELD", &format!("held-{n}"))));
    let others = ["OTHER", "THIRD"].map(|sku| operator.send(sale(sku, sku)));
    let replies = join_all(orders.chain(others));
    let freed = async {
        let waited = "inventory_lock_total{operation_type=\"deduct\",outcome=\"waited\"} 62";
        while !operator.without_key().get("/metrics").await.text().contains(waited) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut owner = db.owner().await;
        owner.until_waiting(3).await;
        assert_eq!(owner.waiting().await, 3, "one a row");
        holder.run("COMMIT").await;
    };
    let (replies, ()) = futures::join!(replies, freed);
    for reply in replies {
        reply.is(201);
    }
    let commits = "SELECT count(*), count(DISTINCT xid) FROM inventory.journal \
                    WHERE event_type = 'STOCK_DEDUCTED' AND sku = 'HELD'";
    // The holder's, that of the one who waited first, and that of all who came after.
    db.owner().await.check(commits, "61|3").await;
    db.verify_is_clean().await;
}

async fn who_restocks_sells_again(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 1)]).await;
    let operator = &gateway.operator;
    operator.send(sale("A", "1")).await.is(201);
    for n in 0..50 {
        operator.send(sale("A", &format!("none-{n}"))).await.refuses(400, "insufficient_stock", "");
    }
    db.operator().await.run("SELECT inventory.receive('A', 5)").await;
    let begun = Instant::now();
    while operator.send(sale("A", "2")).await.status != 201 {
        assert!(begun.elapsed() < Duration::from_secs(1), "sold out for too long");
    }
}

async fn a_full_queue_says_so_at_once(pg: Pg) {
    let db = pg.database().await;
    let settings = [
        "--workers",
        "1",
        "--queue",
        "4",
        "--lock-wait-ms",
        "60000",
        "--request-timeout-ms",
        "60000",
    ];
    let gateway = Gateway::with(&db, &settings).await;
    db.stock(&[("A", 100)]).await;
    let mut owner = db.owner().await;
    owner.run("BEGIN; LOCK TABLE inventory.stock IN ACCESS EXCLUSIVE MODE").await;
    let client = gateway.operator.clone();
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..40 {
        let client = client.clone();
        waiting.spawn(async move { client.send(sale("A", &format!("q{n}"))).await });
    }
    // At most a batch is on its way, four wait, the others hear it while the table is locked.
    let mut refused = 0;
    while refused < 20 {
        let reply = waiting.join_next().await.unwrap().unwrap();
        reply.refuses(503, "overloaded", "");
        refused += 1;
    }
    client.get("/healthz").await.is(200);
    owner.run("ROLLBACK").await;
    let mut sold = 0;
    while let Some(reply) = waiting.join_next().await {
        let reply = reply.unwrap();
        match reply.status {
            201 => sold += 1,
            _ => drop(reply.refuses(503, "overloaded", "")),
        }
    }
    assert!(sold >= 4, "{sold}");
    let level = client.get("/v1/stock/A").await.is(200);
    assert_eq!(level["on_hand"], 100 - sold, "who was refused had no effect");
    db.verify_is_clean().await;
}

/// What a client knows of its order.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    Sold(String),
    Refused(u16),
    /// It was sent, and nobody knows.
    Unknown,
    /// Nobody took it.
    NotSent,
}

/// Orders until `stop`, on kept connections; what each key came to.
async fn shop(client: &Client, name: usize, stop: &AtomicBool) -> BTreeMap<String, End> {
    let mut ends = BTreeMap::new();
    let mut line: Option<Connection> = None;
    for n in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let key = format!("{name}-{n}");
        let mut open = match line.take() {
            Some(open) => open,
            None => match Connection::open(client.address).await {
                Ok(open) => open,
                Err(_) => {
                    ends.insert(key, End::NotSent);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            },
        };
        let told = open.send(&client.signed(&sale("A", &key))).await;
        ends.insert(key, end(&told));
        line = told.is_ok_and(|reply| reply.header("connection") != Some("close")).then_some(open);
    }
    ends
}

fn end(told: &std::io::Result<Reply>) -> End {
    match told {
        Ok(reply) if reply.status == 201 => {
            End::Sold(reply.json()["order_no"].as_str().unwrap().to_owned())
        }
        Ok(reply) => End::Refused(reply.status),
        Err(_) => End::Unknown,
    }
}

/// Order numbers that the journal has.
async fn journal(db: &Database) -> BTreeSet<String> {
    let sql = "SELECT order_no FROM inventory.journal WHERE order_no IS NOT NULL";
    db.owner().await.text(sql).await.lines().map(str::to_owned).collect()
}

/// Compares what the clients know with what is written; the number of orders whose end nobody knew.
async fn settle(db: &Database, ends: &BTreeMap<String, End>, other: &Client) -> usize {
    let written = journal(db).await;
    let mut told = BTreeSet::new();
    for (key, end) in ends {
        match end {
            End::Sold(number) => assert!(told.insert(number.clone()), "{key}: {number} again"),
            End::Refused(status) => assert_eq!(*status, 503, "{key}"),
            End::Unknown | End::NotSent => {}
        }
    }
    assert!(told.is_subset(&written), "an answer that is not in the journal");
    let unknown: Vec<_> =
        ends.iter().filter(|(_, end)| **end == End::Unknown).map(|(key, _)| key).collect();
    assert!(written.len() - told.len() <= unknown.len(), "effects that nobody asked for");
    // Whoever does not know asks again, and each order is there once.
    for key in &unknown {
        let again = other.send(sale("A", key)).await.is(201);
        told.insert(again["order_no"].as_str().unwrap().to_owned());
    }
    assert_eq!(journal(db).await, told);
    db.verify_is_clean().await;
    unknown.len()
}

async fn going_down_under_load(pg: Pg) {
    let db = pg.database().await;
    let mut gateway = Gateway::with(&db, &["--shutdown-delay-ms", "1000"]).await;
    db.stock(&[("A", 1_000_000)]).await;
    let stop = AtomicBool::new(false);
    let client = gateway.operator.clone();
    let shops = join_all((0..32).map(|name| shop(&client, name, &stop)));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        gateway.terminate();
        // Out of readiness, while orders are still taken.
        while client.try_send(&Request::new("GET", "/readyz")).await.unwrap().status != 503 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        client.send(sale("A", "late")).await.is(201);
        let code = gateway.ended().await;
        stop.store(true, Ordering::Relaxed);
        assert_eq!(code, Some(0), "{}", gateway.log());
    };
    let (ends, ()) = futures::join!(shops, watch);
    let mut ends: BTreeMap<_, _> = ends.into_iter().flatten().collect();
    let other = Gateway::before(&db).await;
    let again = other.operator.send(sale("A", "late")).await.is(201);
    ends.insert("late".into(), End::Sold(again["order_no"].as_str().unwrap().to_owned()));
    let sold = ends.values().filter(|end| matches!(end, End::Sold(_))).count();
    assert!(sold > 100, "{sold}");
    assert!(ends.values().any(|end| *end == End::NotSent), "it was down at last");
    settle(&db, &ends, &other.operator).await;
    gateway.logged_no_failure();
}

async fn killed_under_load(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 1_000_000)]).await;
    let stop = AtomicBool::new(false);
    let client = gateway.operator.clone();
    let shops = join_all((0..32).map(|name| shop(&client, name, &stop)));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        kill(gateway.pid());
        tokio::time::sleep(Duration::from_millis(50)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let (ends, ()) = futures::join!(shops, watch);
    let ends: BTreeMap<_, _> = ends.into_iter().flatten().collect();
    let other = Gateway::before(&db).await;
    let unknown = settle(&db, &ends, &other.operator).await;
    assert!(unknown > 0, "it was killed under load");
}

/// A gateway with a request that waits for a row.
async fn with_an_open_request(db: &Database, more: &[&str]) -> Gateway {
    let mut arguments = vec![
        "--lock-wait-ms",
        "60000",
        "--request-timeout-ms",
        "60000",
        "--shutdown-delay-ms",
        "0",
    ];
    arguments.extend(more);
    let gateway = Gateway::with(db, &arguments).await;
    let client = gateway.operator.clone();
    tokio::spawn(async move { client.try_send(&sale("A", "open")).await });
    db.owner().await.until_waiting(1).await;
    gateway
}

async fn a_second_signal_ends_it_at_once(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut holder = db.operator().await;
    holder.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    let mut gateway = with_an_open_request(&db, &[]).await;
    gateway.terminate();
    let begun = Instant::now();
    while !gateway.log().contains("going down") {
        assert!(begun.elapsed() < Duration::from_secs(60), "it does not go down");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let soft = tokio::time::timeout(Duration::from_millis(500), gateway.ended()).await;
    assert!(soft.is_err(), "it waits for the open request");
    gateway.terminate();
    gateway.ended().await;
    assert!(gateway.log().contains("second signal"), "{}", gateway.log());
    holder.run("ROLLBACK").await;
    db.verify_is_clean().await;
}

async fn open_requests_have_a_deadline(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10)]).await;
    let mut holder = db.operator().await;
    holder.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    let mut gateway = with_an_open_request(&db, &["--shutdown-timeout-ms", "300"]).await;
    gateway.terminate();
    gateway.ended().await;
    assert!(gateway.log().contains("did not finish in time"), "{}", gateway.log());
    holder.run("ROLLBACK").await;
    db.verify_is_clean().await;
}
