//! The outbox over HTTP and by the command line, and the relay inside `inventory serve`.

use inventory_tests::commands::{inventory, run};
use inventory_tests::{Database, Gateway, Pg, User};
use serde_json::json;

use super::receiver::Receiver;

const QUICK: [&str; 6] = [
    "--relay",
    "--relay-private-addresses",
    "--relay-poll-ms=20",
    "--relay-lease-ms=2000",
    "--relay-retry-ms=20",
    "--relay-attempts=2",
];

async fn ask(db: &Database, arguments: &[&str]) -> String {
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Admin)]).args(arguments);
    run(&mut command).await.ok()
}

pub async fn serve_tells_sinks_and_the_outbox_shows_it(pg: Pg) {
    let db = pg.database().await;
    let receiver = Receiver::start().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    receiver.refuse("B");
    let said = ask(&db, &["sink", "add", "hook", &receiver.url(), "--from-beginning"]).await;
    assert!(said.contains("told all that there is") && !said.contains("whsec"), "{said}");
    let mut gateway = Gateway::with(&db, &QUICK).await;
    let mut reader = db.reader().await;
    reader.until("SELECT dead = 1 AND pending = 0 FROM inventory.sinks").await;
    let dead = gateway.reader.get("/v1/outbox?status=DEAD").await;
    assert_eq!(dead.status, 200, "{dead:?}");
    let event = dead.json()["data"][0].clone();
    assert_eq!((&event["sink"], &event["payload"]["sku"]), (&json!("hook"), &json!("B")));
    assert_eq!((&event["status"], &event["attempts"]), (&json!("DEAD"), &json!(2)));
    let all = gateway.reader.get("/v1/outbox?limit=1").await.json();
    assert_eq!(all["data"].as_array().unwrap().len(), 1);
    let cursor = all["next_cursor"].as_str().unwrap();
    let next = gateway.reader.get(&format!("/v1/outbox?limit=1&cursor={cursor}")).await.json();
    assert_ne!(next["data"][0]["id"], all["data"][0]["id"]);
    assert_eq!(gateway.reader.get("/v1/outbox?status=ODD").await.status, 422);
    receiver.refuse_nothing();
    let path = format!("/v1/outbox/{}/redrive", event["id"]);
    let first = gateway.operator.post(&path, &json!({})).await;
    assert_eq!(first.status, 200, "{first:?}");
    receiver.until_complete(&db).await;
    reader.until("SELECT dead = 0 AND retrying = 0 FROM inventory.sinks").await;
    let again = gateway.operator.post(&path, &json!({ "sink": "hook" })).await;
    assert_eq!(again.status, 422, "{again:?}");
    metrics(&gateway).await;
    let list = ask(&db, &["sink", "list", "--json"]).await;
    assert!(list.contains("\"hook\"") && !list.contains("whsec"), "{list}");
    let sent = ask(&db, &["outbox", "list", "--status", "SENT", "--json"]).await;
    assert!(sent.contains("STOCK_RECEIVED"), "{sent}");
    gateway.terminate();
    assert_eq!(gateway.ended().await, Some(0));
    reader.check("SELECT count(relay) FROM inventory.sinks", "0").await;
}

async fn metrics(gateway: &Gateway) {
    let begun = std::time::Instant::now();
    loop {
        let shown = gateway.reader.get("/metrics").await.text();
        let lines = [
            "inventory_outbox_pending{sink=\"hook\"} 0",
            "inventory_outbox_lag_seconds{sink=\"hook\"} 0",
            "inventory_outbox_delivered_total{sink=\"hook\"} 2",
            "inventory_outbox_parked{sink=\"hook\",status=\"dead\"} 0",
        ];
        if lines.iter().all(|line| shown.lines().any(|shown| shown == *line)) {
            return;
        }
        assert!(begun.elapsed().as_secs() < 60, "{shown}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}
