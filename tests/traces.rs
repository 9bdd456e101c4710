//! Traces over HTTP and SQL, as a collector of OpenTelemetry gets them.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use inventory_tests::{Gateway, Pg, Request, promises};
use serde_json::{Value, json};
use tokio::net::TcpListener;

promises!(
    a_request_and_its_statements_are_one_trace,
    who_did_not_ask_is_told_of_where_that_is_wanted,
    a_collector_that_is_away_costs_nothing,
);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CALLER: &str = "00f067aa0ba902b7";

/// A collector: every span it was told of.
struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Value>>>,
}

impl Collector {
    async fn start() -> Collector {
        let spans = Arc::new(Mutex::new(Vec::new()));
        let routes = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Collector { url, spans }
    }

    fn of(&self, trace: &str) -> Vec<Value> {
        let spans = self.spans.lock().unwrap();
        spans.iter().filter(|span| span["traceId"] == trace).cloned().collect()
    }

    /// Waits for a span of that trace and name.
    async fn span(&self, trace: &str, name: &str) -> Value {
        let begun = Instant::now();
        loop {
            if let Some(span) = self.of(trace).into_iter().find(|span| span["name"] == name) {
                return span;
            }
            let told: Vec<_> = self.of(trace).iter().map(|span| span["name"].to_string()).collect();
            assert!(begun.elapsed() < Duration::from_secs(60), "no {name} among {told:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(State(spans): State<Arc<Mutex<Vec<Value>>>>, body: String) -> &'static str {
    let told: Value = serde_json::from_str(&body).unwrap();
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    for resource in list(&told["resourceSpans"]) {
        for scope in list(&resource["scopeSpans"]) {
            spans.lock().unwrap().extend(list(&scope["spans"]));
        }
    }
    "{}"
}

fn attribute(span: &Value, key: &str) -> Value {
    let all = span["attributes"].as_array().unwrap();
    let found = all.iter().find(|attribute| attribute["key"] == key);
    found.map_or(Value::Null, |attribute| {
        let value = attribute["value"].as_object().unwrap().values().next();
        value.cloned().unwrap_or_default()
    })
}

fn sale(sku: &str) -> Request {
    Request::post("/v1/deductions", &json!({"sku": sku, "quantity": 1}))
}

async fn a_request_and_its_statements_are_one_trace(pg: Pg) {
    let db = pg.database().await;
    let collector = Collector::start().await;
    let gateway = Gateway::with(&db, &["--otlp-endpoint", &collector.url]).await;
    db.stock(&[("A", 5)]).await;
    let traced = |flags| format!("00-{TRACE}-{CALLER}-{flags}");
    gateway.operator.send(sale("A").header("traceparent", &traced("01"))).await.is(201);

    let request = collector.span(TRACE, "POST /v1/deductions").await;
    assert_eq!(request["parentSpanId"], CALLER, "a part of the caller's");
    assert_eq!(
        attribute(&request, "http.response.status_code").to_string().replace('"', ""),
        "201"
    );
    let batch = collector.span(TRACE, "batch").await;
    assert_eq!(batch["parentSpanId"], request["spanId"]);
    let statement = collector.span(TRACE, "execute_many").await;
    assert_eq!(statement["parentSpanId"], batch["spanId"]);
    assert_eq!(attribute(&statement, "db.system.name"), "postgresql");
    let mut owner = db.owner().await;
    let kept = "SELECT trace_id FROM inventory.audit_log WHERE reason = 'sale'";
    owner.check(kept, TRACE).await;

    // A read: no batch between.
    let read = Request::new("GET", "/v1/stock/A").header("traceparent", &traced("01"));
    gateway.operator.send(read).await.is(200);
    let request = collector.span(TRACE, "GET /v1/stock/{sku}").await;
    let statement = collector.span(TRACE, "levels_of").await;
    assert_eq!(statement["parentSpanId"], request["spanId"]);

    // Whose caller keeps nothing: kept with the movement, told to nobody.
    let other = "a".repeat(32);
    let unkept = format!("00-{other}-{CALLER}-00");
    gateway.operator.send(sale("A").header("traceparent", &unkept)).await.is(201);
    owner
        .check(&format!("SELECT count(*) FROM inventory.audit_log WHERE trace_id = '{other}'"), "1")
        .await;
    gateway.operator.send(sale("A").header("traceparent", &traced("01"))).await.is(201);
    let sales = |trace| collector.of(trace).iter().filter(|span| span["name"] == "batch").count();
    let begun = Instant::now();
    while sales(TRACE) < 2 {
        assert!(begun.elapsed() < Duration::from_secs(60), "the sale after it is told of");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(collector.of(&other), Vec::<Value>::new());

    let all = Value::from(collector.spans.lock().unwrap().clone()).to_string();
    let key = gateway.operator.key.clone().unwrap();
    assert!(!all.contains(&key), "no secret leaves the house");
}

async fn who_did_not_ask_is_told_of_where_that_is_wanted(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let collector = Collector::start().await;
    let mut owner = db.owner().await;
    let trace_of = "SELECT trace_id FROM inventory.audit_log ORDER BY id DESC LIMIT 1";

    let mut gateway = Gateway::with(&db, &["--otlp-endpoint", &collector.url]).await;
    gateway.operator.send(sale("A")).await.is(201);
    let trace = owner.text(trace_of).await;
    // What waits to be told is told before the end.
    gateway.terminate();
    assert_eq!(gateway.ended().await, Some(0));
    let told: Vec<_> = collector.of(&trace).iter().map(|span| span["name"].clone()).collect();
    assert!(told.contains(&json!("POST /v1/deductions")), "{told:?}");

    let quiet = ["--otlp-endpoint", &collector.url, "--trace-percent", "0"];
    let mut gateway = Gateway::with(&db, &quiet).await;
    gateway.operator.send(sale("A")).await.is(201);
    let trace = owner.text(trace_of).await;
    gateway.terminate();
    assert_eq!(gateway.ended().await, Some(0));
    assert_eq!((trace.len(), collector.of(&trace)), (32, Vec::new()), "kept, and told to nobody");
}

async fn a_collector_that_is_away_costs_nothing(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 50)]).await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", nobody.local_addr().unwrap());
    drop(nobody);
    let mut gateway = Gateway::with(&db, &["--otlp-endpoint", &url]).await;
    for _ in 0..50 {
        gateway.operator.send(sale("A")).await.is(201);
    }
    gateway.terminate();
    assert_eq!(gateway.ended().await, Some(0));
}
