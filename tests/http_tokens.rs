//! Token mode: Redis decides, the sale is on the gateway's disk before 202 is sent, and the database
//! follows. Only goods that the database has set aside are sold so.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::{
    Client, Database, Gateway, Pg, Redis, Reply, Request, Verdict, chaos, promises, skipped,
};
use serde_json::json;
use tempfile::TempDir;

promises!(
    a_promise_is_in_the_database_soon,
    a_crowd_gets_what_there_is_and_no_more,
    what_redis_forgets_sells_nothing_twice,
    promises_outlive_the_gateway,
);

/// A gateway that sells HOT by token, after it has set goods aside.
async fn open(db: &Database, redis: &Redis, journal: &TempDir) -> Gateway {
    let mut command = Gateway::command(db);
    command.env("INVENTORY_REDIS_URL", redis.url());
    command.arg("--journal-dir").arg(journal.path());
    command.args(["--token-sku", "HOT", "--lease-min", "40", "--lease-max", "40"]);
    Gateway::start(db, command).await
}

fn sale(key: &str) -> Request {
    Request::post("/v1/deductions", &json!({"sku": "HOT", "quantity": 1})).once(key)
}

/// Sells until the first promise; how many were sold before it.
async fn until_promised(client: &Client, name: &str) -> (usize, String) {
    let begun = Instant::now();
    for n in 0.. {
        let reply = client.send(sale(&format!("{name}-{n}"))).await;
        if reply.status == 202 {
            return (n, token(&reply));
        }
        reply.is(201);
        assert!(begun.elapsed() < Duration::from_secs(60), "{name}: nothing is promised");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    unreachable!("somebody promised or a minute went by");
}

fn token(reply: &Reply) -> String {
    let told = reply.json();
    assert_eq!(told["state"], "accepted", "{told}");
    told["token"].as_str().unwrap().to_owned()
}

/// The order numbers of all that was accepted, each once.
async fn orders(client: &Client, replies: &[Reply]) -> BTreeSet<String> {
    let mut numbers = BTreeSet::new();
    for reply in replies.iter().filter(|reply| reply.status < 300) {
        let told = match reply.status {
            202 => client.settled(&token(reply)).await,
            _ => reply.json(),
        };
        let number = told["order_no"].as_str().unwrap_or_else(|| panic!("{told}"));
        assert!(numbers.insert(number.to_owned()), "{number} was given twice");
    }
    numbers
}

async fn crowd(client: &Client, name: &str, orders: usize) -> Vec<Reply> {
    join_all((0..orders).map(|n| client.send(sale(&format!("{name}-{n}"))))).await
}

/// Sells one at a time what is left, wherever it lies, until there is nothing.
async fn sell_out(client: &Client, name: &str) -> Vec<Reply> {
    let mut sold = Vec::new();
    let mut refused = 0;
    for n in 0.. {
        let reply = client.send(sale(&format!("{name}-{n}"))).await;
        match reply.status {
            // What is being told to the database is nobody's for a moment.
            400 if refused < 20 => {
                refused += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            400 => break,
            _ => {
                refused = 0;
                sold.push(reply);
            }
        }
    }
    sold
}

async fn sold(db: &Database) -> i64 {
    db.owner().await.number("SELECT coalesce(-sum(on_hand_delta), 0) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'").await
}

async fn a_promise_is_in_the_database_soon(pg: Pg) -> Verdict {
    let Some(redis) = Redis::start().await else { return skipped("this machine has no Redis") };
    let (db, journal) = (pg.database().await, tempfile::tempdir().unwrap());
    db.stock(&[("HOT", 100), ("COLD", 100)]).await;
    let gateway = open(&db, &redis, &journal).await;
    let (before, token_told) = until_promised(&gateway.operator, "first").await;
    let told = gateway.operator.settled(&token_told).await;
    assert_eq!(told["state"], "completed", "{told}");
    assert_eq!(told["order_no"].as_str().map(str::len), Some(23), "{told}");
    assert_eq!(sold(&db).await, before as i64 + 1);

    // The same key is the same sale.
    let again = gateway.operator.send(sale(&format!("first-{before}"))).await;
    assert_eq!((again.status, again.json()["token"].as_str()), (202, Some(&*token_told)));
    // Other SKUs are decided by the database, and so are orders of several lines.
    let cold = json!({"sku": "COLD", "quantity": 1});
    gateway.operator.post("/v1/deductions", &cold).await.is(201);
    let both = json!({"lines": [cold, {"sku": "HOT", "quantity": 1}]});
    gateway.operator.post("/v1/deductions", &both).await.is(201);
    gateway.operator.get("/v1/deductions/00000000-0000-4000-8000-000000000000").await.is(404);
    db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn a_crowd_gets_what_there_is_and_no_more(pg: Pg) -> Verdict {
    let Some(redis) = Redis::start().await else { return skipped("this machine has no Redis") };
    let (db, journal) = (pg.database().await, tempfile::tempdir().unwrap());
    db.stock(&[("HOT", 100)]).await;
    let gateway = open(&db, &redis, &journal).await;
    let (before, promised) = until_promised(&gateway.operator, "first").await;
    let mut replies = crowd(&gateway.operator, "crowd", 300).await;
    assert!(replies.iter().all(|reply| matches!(reply.status, 201 | 202 | 400)));
    replies.extend(sell_out(&gateway.operator, "rest").await);
    let accepted = orders(&gateway.operator, &replies).await;
    gateway.operator.settled(&promised).await;
    assert_eq!(accepted.len() + before + 1, 100, "all of it, and nothing twice");
    assert_eq!(sold(&db).await, 100);
    db.verify_is_clean().await;
    gateway.logged_no_failure();
    Verdict::Passed
}

async fn what_redis_forgets_sells_nothing_twice(pg: Pg) -> Verdict {
    let Some(mut redis) = Redis::start().await else { return skipped("this machine has no Redis") };
    let (db, journal) = (pg.database().await, tempfile::tempdir().unwrap());
    db.stock(&[("HOT", 200)]).await;
    let gateway = open(&db, &redis, &journal).await;
    let (before, promised) = until_promised(&gateway.operator, "first").await;
    let mut replies = Vec::new();
    for state in ["flushed", "restarted", "gone"] {
        let (some, ()) = futures::join!(crowd(&gateway.operator, state, 60), async {
            match state {
                "flushed" => redis.flush(),
                "restarted" => redis.restart().await,
                _ => chaos::kill(redis.pid()),
            }
        });
        replies.extend(some);
    }
    replies.extend(sell_out(&gateway.operator, "rest").await);
    let accepted = orders(&gateway.operator, &replies).await;
    gateway.operator.settled(&promised).await;
    assert_eq!(accepted.len() + before + 1, 200, "all of it, and nothing twice");
    assert_eq!(sold(&db).await, 200);
    db.verify_is_clean().await;
    Verdict::Passed
}

async fn promises_outlive_the_gateway(pg: Pg) -> Verdict {
    let Some(redis) = Redis::start().await else { return skipped("this machine has no Redis") };
    let db = pg.private_database(|builder| builder).await;
    let journal = tempfile::tempdir().unwrap();
    db.stock(&[("HOT", 100)]).await;
    let gateway = open(&db, &redis, &journal).await;
    let (before, promised) = until_promised(&gateway.operator, "first").await;
    // The database is gone, so that nothing can be told to it before the gateway goes too.
    db.server.kill();
    let replies = crowd(&gateway.operator, "crowd", 10).await;
    let tokens: Vec<String> =
        replies.iter().filter(|reply| reply.status == 202).map(token).collect();
    chaos::kill(gateway.pid());
    drop(gateway);
    db.server.start_again();
    let gateway = open(&db, &redis, &journal).await;
    for token in tokens.iter().chain([&promised]) {
        let told = gateway.operator.settled(token).await;
        assert_eq!(told["state"], "completed", "{told}");
    }
    assert!(!tokens.is_empty(), "something was promised while the database was away");
    assert_eq!(sold(&db).await, (before + 1 + tokens.len()) as i64);
    db.verify_is_clean().await;
    Verdict::Passed
}
