//! What the service says of itself.

use inventory_core::refusal::CATALOGUE;
use inventory_tests::commands::{inventory, run};
use inventory_tests::{Gateway, Pg, Request};
use serde_json::Value;

pub async fn the_document_is_the_command_s(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let served = gateway.reader.without_key().get("/openapi.json").await;
    let printed = run(inventory().arg("openapi")).await.ok();
    let printed: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(served.is(200), printed);
    assert!(printed["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
}

pub async fn every_route_and_problem_is_in_the_document(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let document = gateway.reader.get("/openapi.json").await.is(200);
    let text = document.to_string();
    for entry in &CATALOGUE {
        let example = format!("\"{}\":{{", entry.name);
        assert!(text.contains(&example), "{} is in no answer", entry.name);
    }
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            let responses = operation["responses"].as_object().unwrap();
            assert!(responses.keys().any(|status| status.starts_with('2')), "{method} {path}");
            let open = operation["security"] == serde_json::json!([{}]);
            assert!(open || responses.contains_key("401"), "{method} {path} takes no key");
            for (status, response) in
                responses.iter().filter(|(status, _)| status.as_str() >= "400")
            {
                let content = response["content"].as_object();
                let only = content.is_some_and(|c| c.keys().eq(["application/problem+json"]));
                assert!(only, "{method} {path} {status}: {response}");
            }
        }
    }
}

/// Everything that a page of ours makes a browser fetch.
pub async fn the_reading_room_needs_no_internet(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let reader = gateway.reader.without_key();
    let moved = reader.get("/docs").await;
    let place = moved.header("location").unwrap_or("/docs/").to_owned();
    let page = reader.get(&place).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let mut found = 0;
    for attribute in ["src=\"", "href=\""] {
        for part in page.text().split(attribute).skip(1) {
            let target = part.split('"').next().unwrap();
            assert!(!target.contains("//"), "{target} is elsewhere");
            let file = reader.get(&format!("/docs/{}", target.trim_start_matches("./"))).await;
            assert_eq!(file.status, 200, "{target}");
            for fetch in ["@import", "url(http", "url(//", "fetch(\"http", "src=\"http"] {
                assert!(!file.text().contains(fetch), "{target} has {fetch}");
            }
            found += 1;
        }
    }
    assert!(found >= 4, "{}", page.text());
    let start = reader.get("/docs/swagger-initializer.js").await.text();
    assert!(start.contains("/openapi.json") && !start.contains("http"), "{start}");
    for odd in ["/docs/../Cargo.toml", "/docs/%2e%2e/Cargo.toml", "/docs/none.js", "/docs/%00"] {
        reader.get(odd).await.refuses(404, "not_found", "");
    }
}

pub async fn health_readiness_and_metrics(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let anybody = gateway.reader.without_key();
    for path in ["/healthz", "/readyz"] {
        assert_eq!(anybody.get(path).await.is(200)["status"], "ok");
    }
    gateway.reader.get("/v1/products/secret-sku").await.is(404);
    let metrics = anybody.get("/metrics").await;
    let text = metrics.text();
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain")));
    let route =
        "inventory_http_requests_total{method=\"GET\",route=\"/v1/products/{sku}\",status=\"404\"}";
    assert!(text.contains(route), "{text}");
    assert!(!text.contains("secret-sku"), "paths are no labels");
    for odd in ["/a", "/b", "/c"] {
        anybody.send(Request::new("BREW", odd)).await.is(404);
    }
    let after = anybody.get("/metrics").await.text();
    assert!(after.contains("route=\"none\""), "{after}");
    assert!(!after.contains("BREW") && !after.contains("route=\"/a\""), "{after}");
}

pub async fn browsers_of_known_origins_only(pg: Pg) {
    let db = pg.database().await;
    let off = Gateway::before(&db).await;
    let from = |origin: &str| Request::new("GET", "/v1/warehouses").header("Origin", origin);
    assert_eq!(
        off.reader.send(from("https://shop.test")).await.header("access-control-allow-origin"),
        None
    );
    let on = Gateway::with(&db, &["--cors-origin", "https://shop.test,https://till.test"]).await;
    for (origin, allowed) in
        [("https://till.test", true), ("https://evil.test", false), ("null", false)]
    {
        let told = on.reader.send(from(origin)).await;
        let header = told.header("access-control-allow-origin");
        assert_eq!(header, allowed.then_some(origin), "{origin}");
        let asks = Request::new("OPTIONS", "/v1/deductions").header("Origin", origin);
        let asks = asks.header("Access-Control-Request-Method", "POST");
        let told = on.reader.without_key().send(asks).await;
        assert_eq!(told.header("access-control-allow-origin"), allowed.then_some(origin));
    }
}

pub async fn secrets_stay_out_of_the_log(pg: Pg) {
    let db = pg.database().await;
    let secret = "a-secret-of-tokens-that-is-long-enough";
    let gateway = Gateway::with(&db, &["--jwt-secret", secret, "--log", "debug"]).await;
    gateway.operator.get("/v1/warehouses").await.is(200);
    gateway.operator.with_key("inv_wrong").get("/v1/warehouses").await.refuses(
        401,
        "unauthorized",
        "",
    );
    let log = gateway.log();
    let key = gateway.operator.key.clone().unwrap();
    for word in [secret, &key, "inv_wrong", &db.server.password] {
        assert!(!log.contains(word), "the log has a secret");
    }
    assert!(!log.is_empty());
}
