//! What can be asked for, and what is told.

use std::collections::BTreeSet;

use inventory_gateway::events::Topic;
use inventory_tests::{Gateway, Pg, Request};
use serde_json::{Value, json};

/// Something of every kind.
const EVERYTHING: &str = "SELECT inventory.put_warehouse(2, 'NORTH', 'North'); \
    SELECT inventory.put_product('A', 'A', low_stock_threshold => 5); \
    SELECT inventory.receive('A', 100); \
    SELECT inventory.deduct('A', 1); \
    SELECT inventory.adjust('A', -1, E'fell \"off\" \\\\ the shelf'); \
    SELECT inventory.transfer('A', 10, 1, 2); \
    SELECT inventory.confirm((inventory.reserve('A', 2)).reservation_id); \
    SELECT inventory.release((inventory.reserve('A', 2)).reservation_id); \
    SELECT inventory.reserve('A', 2, ttl => '1 millisecond'); \
    SELECT inventory.start_order((inventory.create_order('outbound', '[{\"sku\": \"A\", \"qty\": 1}]')).order_no); \
    SELECT inventory.set_hot('A', true); \
    SELECT pg_sleep(0.01); SELECT inventory.maintain(); \
    SELECT inventory.recount('A', 5, 'counted'); \
    SELECT inventory.receive('A', 50, reason => 'last')";

pub async fn every_topic_is_told_as_the_outbox_has_it(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let mut listener = gateway.reader.listen("", None).await;
    let kind = |name: &str| listener.head.header(name).map(str::to_owned);
    assert_eq!(kind("content-type").as_deref(), Some("text/event-stream"));
    assert_eq!(kind("cache-control").as_deref(), Some("no-store, no-transform"));
    assert_eq!((kind("content-encoding"), kind("content-length")), (None, None));
    listener.until_placed().await;
    for statement in EVERYTHING.split("; ") {
        db.admin().await.run(statement).await;
    }
    let mut heard = Vec::new();
    let mut owner = db.owner().await;
    let written = "SELECT count(*) FROM inventory.outbox";
    let written = usize::try_from(owner.number(written).await).unwrap();
    while heard.len() < written {
        heard.push(listener.event().await);
    }
    let mut topics = BTreeSet::new();
    for told in &heard {
        let data = &told.data;
        let row = format!(
            "SELECT json_build_object('event_type', o.event_type, 'payload', o.payload, 'at', o.at, \
             'generation', j.generation, 'sku', j.sku, 'warehouse_id', j.warehouse_id, 'trace_id', j.trace_id) \
             FROM inventory.outbox AS o JOIN inventory.journal AS j USING (id) WHERE o.id = {}",
            told.number().unwrap()
        );
        let row: Value = serde_json::from_str(&owner.text(&row).await).unwrap();
        for member in ["event_type", "payload", "generation", "sku", "warehouse_id", "trace_id"] {
            assert_eq!(data[member], row[member], "{member} of {data}");
        }
        assert_eq!(data["topic"], told.event);
        assert!(data["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{data}");
        topics.insert(told.event.clone());
    }
    let all: BTreeSet<String> = Topic::ALL.iter().map(|topic| topic.as_str().to_owned()).collect();
    assert_eq!(topics, all);
    let adjusted = heard.iter().find(|told| told.event == "InventoryAdjustment").unwrap();
    assert_eq!(adjusted.data["event_type"], "STOCK_ADJUSTED");
    assert_eq!(adjusted.data["payload"]["reason"], "fell \"off\" \\ the shelf");
}

pub async fn only_what_was_asked_for(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for statement in EVERYTHING.split("; ") {
        db.admin().await.run(statement).await;
    }
    db.stock(&[("B/ b?", 5)]).await;
    let all = |told: &Value| told["id"].is_number();
    let cases: &[(&str, &dyn Fn(&Value) -> bool)] = &[
        ("topic=StockTransferred", &|told| told["topic"] == "StockTransferred"),
        ("topic=LowStockAlert,StockRecovered", &|told| {
            ["LowStockAlert", "StockRecovered"].contains(&told["topic"].as_str().unwrap())
        }),
        ("topic=LowStockAlert&topic=StockReserved", &|told| {
            ["LowStockAlert", "StockReserved"].contains(&told["topic"].as_str().unwrap())
        }),
        ("warehouse_id=2", &|told| told["warehouse_id"] == 2),
        ("sku=B%2F%20b%3F", &|told| told["sku"] == "B/ b?"),
        ("sku=A&topic=StockReceived", &|told| {
            told["sku"] == "A" && told["topic"] == "StockReceived"
        }),
        ("", &all),
    ];
    let mut everything = gateway.reader.listen("from=beginning", None).await;
    db.operator().await.run("SELECT inventory.receive('B/ b?', 1, reason => 'end')").await;
    let everything = everything.until("end").await;
    for (query, wanted) in cases {
        let mut listener = gateway.reader.listen(&format!("from=beginning&{query}"), None).await;
        let expected: Vec<_> = everything.iter().filter(|told| wanted(&told.data)).collect();
        assert!(!expected.is_empty(), "{query} lets something through");
        for told in expected {
            assert_eq!(listener.event().await.data, told.data, "{query}");
        }
    }
}

/// A stream that says nothing else says where it stands, so that who comes back has not to read all again.
pub async fn who_hears_nothing_knows_where_it_stands(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    let gateway = Gateway::with(&db, &["--event-heartbeat-ms", "50"]).await;
    let mut listener = gateway.reader.listen("topic=HotSkuChanged", None).await;
    let first = listener.next().await.unwrap();
    assert_eq!((first.event.as_str(), &first.data), ("position", &json!({})));
    let mut session = db.operator().await;
    session.run("SELECT inventory.deduct('A', 1)").await;
    let second = listener.next().await.unwrap();
    assert_eq!(second.event, "position");
    assert_ne!(second.id, first.id);
    // Behind it nothing is left of what was before.
    let mut back = gateway.reader.listen("", Some(&second.id)).await;
    session.run("SELECT inventory.deduct('A', 1, reason => 'after')").await;
    assert_eq!(back.event().await.data["payload"]["reason"], "after");
}

pub async fn what_cannot_be_asked_for(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for (query, pointer, detail) in [
        ("topic=Nothing", "topic", "StockDeducted"),
        ("topic=STOCK_DEDUCTED", "topic", "there is no topic"),
        ("topic=", "topic", "there is no topic"),
        ("sku=", "sku", "sku"),
        ("warehouse_id=0", "warehouse_id", "warehouse_id"),
        ("warehouse_id=all", "warehouse_id", "number"),
        ("from=yesterday", "from", "beginning"),
        ("color=red", "query", "there is no parameter"),
        ("last_event_id=7", "Last-Event-ID", "cursor"),
        ("last_event_id=1:1:1:1:1:1:1", "Last-Event-ID", "cursor"),
        ("last_event_id=%00", "Last-Event-ID", "no id"),
    ] {
        let refused = gateway.reader.try_listen(query, None).await.err().expect(query);
        let problem = refused.refuses(422, "invalid_argument", detail);
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{query}");
    }
    let refused = gateway.reader.try_listen("", Some("nonsense")).await.err().unwrap();
    refused.refuses(422, "invalid_argument", "cursor");
    gateway.reader.post("/v1/events", &json!({})).await.refuses(405, "method_not_allowed", "");
    // A HEAD takes no seat for good.
    let head = gateway.reader.send(Request::new("HEAD", "/v1/events")).await;
    assert_eq!(head.status, 200);
    gateway.logged_no_failure();
}
