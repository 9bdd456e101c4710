//! What is wrong with a request, and what its caller is told.

use inventory_tests::{Client, Gateway, Pg, Reply, Request, preloaded};
use serde_json::json;

async fn post(client: &Client, path: &str, body: &str) -> Reply {
    client
        .send(Request::new("POST", path).header("Content-Type", "application/json").text(body))
        .await
}

pub async fn unreadable_bodies(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let operator = &gateway.operator;
    for body in ["{", "{\"sku\"", "nonsense", "{\"sku\": \"A\",}", "{} {}", "\u{0}", "NaN"] {
        for path in ["/v1/deductions", "/v1/receipts", "/v1/orders", "/v1/reservations"] {
            post(operator, path, body).await.refuses(400, "unreadable_body", "");
        }
    }
    let empty = Request::new("POST", "/v1/deductions").header("Content-Type", "application/json");
    operator.send(empty).await.refuses(400, "unreadable_body", "");
    let latin = Request {
        body: b"{\"sku\": \"\xe4\"}".to_vec(),
        ..Request::post("/v1/deductions", &json!(1))
    };
    operator.send(latin).await.refuses(400, "unreadable_body", "");
    let good = json!({"sku": "A", "quantity": 1}).to_string();
    for kind in ["text/plain", "application/xml", "application/x-www-form-urlencoded", "json", ""] {
        let request =
            Request::new("POST", "/v1/deductions").header("Content-Type", kind).text(&good);
        operator.send(request).await.refuses(415, "unsupported_media_type", "application/json");
    }
    let untyped = Request::new("POST", "/v1/deductions").text(&good);
    operator.send(untyped).await.refuses(415, "unsupported_media_type", "");
    let typed =
        Request::new("POST", "/v1/deductions").header("Content-Type", "application/vnd.shop+json");
    operator.send(typed.text(&good)).await.refuses(404, "unknown_sku", "A");
    gateway.logged_no_failure();
}

pub async fn bodies_of_another_shape(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for (path, body, pointer) in [
        ("/v1/receipts", "{\"sku\": \"A\", \"quantity\": 1, \"colour\": 1}", "/colour"),
        ("/v1/receipts", "{\"sku\": \"A\", \"quantity\": \"1\"}", "/quantity"),
        ("/v1/receipts", "{\"sku\": 1, \"quantity\": 1}", "/sku"),
        ("/v1/receipts", "{\"sku\": \"A\", \"quantity\": 1, \"quantity\": 2}", ""),
        ("/v1/receipts", "{\"sku\": \"A\"}", ""),
        ("/v1/receipts", "null", ""),
        ("/v1/receipts", "\"A\"", ""),
        (
            "/v1/deductions",
            "{\"lines\": [{\"sku\": \"A\", \"quantity\": 1}, {\"sku\": \"A\"}]}",
            "/lines/1",
        ),
        ("/v1/deductions", "{\"lines\": {\"sku\": \"A\"}}", "/lines"),
        (
            "/v1/reservations",
            "{\"lines\": [{\"sku\": \"A\", \"quantity\": 1, \"a/b~\": 1}]}",
            "/lines/0/a~1b~0",
        ),
        (
            "/v1/orders",
            "{\"direction\": \"outbound\", \"lines\": [{\"sku\": \"A\", \"quantity\": {}}]}",
            "/lines/0/quantity",
        ),
    ] {
        let refused = post(&gateway.operator, path, body).await;
        let problem = refused.refuses(422, "invalid_argument", "");
        let error = &problem["errors"][0];
        let told = error["pointer"].as_str().expect("a pointer");
        assert!(told.starts_with(pointer), "{body}: {problem}");
        assert!(error["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{problem}");
    }
    gateway.logged_no_failure();
}

pub async fn objects_are_no_lists(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5)]).await;
    for (path, body) in [
        ("/v1/receipts", "[\"A\", 1, null, null, null, null]"),
        ("/v1/deductions", "[\"A\", 1, null, null, null, null]"),
        ("/v1/deductions", "{\"lines\": [[\"A\", 1, null, null]]}"),
        ("/v1/adjustments", "[\"A\", 1, \"x\", null, null]"),
        ("/v1/reservations", "[[{\"sku\": \"A\", \"quantity\": 1}], null]"),
        ("/v1/reservations", "{\"lines\": [[\"A\", 1, null, null]]}"),
        ("/v1/orders", "{\"direction\": \"outbound\", \"lines\": [[\"A\", 1, null, null]]}"),
    ] {
        post(&gateway.operator, path, body).await.refuses(422, "invalid_argument", "");
    }
    assert_eq!(gateway.reader.get("/v1/stock/A").await.is(200)["on_hand"], 5);
}

pub async fn values_that_cannot_be(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5)]).await;
    let operator = &gateway.operator;
    for value in ["\u{0}", "a\u{0}b", "a\u{1}", "\u{7f}", "\n", "\u{85}", "", &"x".repeat(65)] {
        for (path, mut body, field) in [
            ("/v1/deductions", json!({"sku": "A", "quantity": 1}), "sku"),
            ("/v1/deductions", json!({"sku": "A", "quantity": 1}), "lot"),
            ("/v1/deductions", json!({"sku": "A", "quantity": 1}), "reason"),
            ("/v1/receipts", json!({"sku": "A", "quantity": 1}), "sku"),
            ("/v1/adjustments", json!({"sku": "A", "delta": 1, "reason": "x"}), "reason"),
            ("/v1/adjustments", json!({"sku": "A", "delta": 1, "reason": "x"}), "sku"),
            (
                "/v1/transfers",
                json!({"sku": "A", "quantity": 1, "from_warehouse": 1, "to_warehouse": 2}),
                "sku",
            ),
            ("/v1/reservations", json!({"lines": [{"sku": value, "quantity": 1}]}), ""),
            (
                "/v1/orders",
                json!({"direction": "outbound", "lines": [{"sku": "A", "quantity": 1}]}),
                "external_ref",
            ),
            (
                "/v1/orders",
                json!({"direction": "outbound", "lines": [{"sku": value, "quantity": 1}]}),
                "",
            ),
        ] {
            if field == "external_ref" && value.len() == 65 {
                continue; // It may be longer than a label.
            }
            if !field.is_empty() {
                body[field] = json!(value);
            }
            let refused = operator.post(path, &body).await;
            refused.refuses(422, "invalid_argument", "");
        }
    }
    for sku in ["%00", "%01", "a%00b", "%C2%85", "%FF", "'%3B--", &"x".repeat(2_000)] {
        let shown = operator.get(&format!("/v1/stock/{sku}")).await;
        assert!(matches!(shown.status, 404 | 422), "{sku}: {}", shown.text());
        for query in ["sku", "cursor"] {
            let listed = operator.get(&format!("/v1/audit?{query}={sku}")).await;
            assert!(matches!(listed.status, 200 | 422), "{sku}: {}", listed.text());
        }
        let listed = operator.get(&format!("/v1/orders?external_ref={sku}")).await;
        assert!(matches!(listed.status, 200 | 422), "{sku}: {}", listed.text());
    }
    gateway.logged_no_failure();
}

pub async fn numbers_that_cannot_be(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5)]).await;
    for number in [
        "1e400",
        "-1e400",
        "1.5",
        "1e2",
        "9223372036854775808",
        "-9223372036854775809",
        "-0",
        "01",
        "+1",
        ".5",
        "0x1",
        "1e",
        "999999999999999999999999999999999999999",
        "true",
        "\"1\"",
        "null",
    ] {
        let body = format!("{{\"sku\": \"A\", \"quantity\": {number}}}");
        for path in ["/v1/receipts", "/v1/deductions"] {
            let refused = post(&gateway.operator, path, &body).await;
            let code = if refused.status == 400 { "unreadable_body" } else { "invalid_argument" };
            assert!(matches!(refused.status, 400 | 422), "{number}: {}", refused.text());
            refused.refuses(refused.status, code, "");
        }
    }
    // Numbers of a product's own are kept as PostgreSQL keeps them, or refused.
    for (number, status) in [
        ("1e308", 200),
        ("1e-320", 200),
        ("0.1", 200),
        ("123456789012345678901234567890", 200),
        ("1e400", 400),
    ] {
        let body = format!("{{\"name\": \"A\", \"attributes\": {{\"n\": {number}}}}}");
        let put = Request::new("PUT", "/v1/products/A").header("Content-Type", "application/json");
        let put = gateway.admin.send(put.text(&body)).await;
        assert_eq!(put.status, status, "{number}: {}", put.text());
        gateway.admin.get("/v1/products/A").await.is(200);
    }
    assert_eq!(gateway.reader.get("/v1/stock/A").await.is(200)["on_hand"], 5);
    gateway.logged_no_failure();
}

pub async fn deep_and_large_bodies(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--max-body", "1000000"]).await;
    let operator = &gateway.operator;
    for depth in [200, 100_000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let told = post(operator, "/v1/deductions", &body).await;
            assert!(matches!(told.status, 400 | 422), "{}", told.text());
            let put =
                Request::new("PUT", "/v1/products/A").header("Content-Type", "application/json");
            let put = put.text(&format!("{{\"name\": \"A\", \"attributes\": {{\"a\": {body}}}}}"));
            gateway.admin.send(put).await.refuses(400, "unreadable_body", "");
        }
    }
    let large = json!({"sku": "A", "quantity": 1, "reason": "x".repeat(1_000_000)});
    operator.post("/v1/deductions", &large).await.refuses(413, "payload_too_large", "");
    // Of a length that is not told before.
    let chunked = Request::new("POST", "/v1/deductions").header("Content-Type", "application/json");
    let chunked = operator.signed(&chunked.header("Transfer-Encoding", "chunked"));
    let mut line = inventory_tests::Connection::open(gateway.address).await.unwrap();
    let mut bytes = chunked.bytes(gateway.address);
    for _ in 0..11 {
        bytes.extend(format!("{:x}\r\n{}\r\n", 100_000, " ".repeat(100_000)).into_bytes());
    }
    use tokio::io::AsyncWriteExt;
    let _ = line.stream.write_all(&bytes).await; // it may hang up on us before all is said
    line.receive(&chunked).await.unwrap().refuses(413, "payload_too_large", "");
    // Ten thousand lines are fine.
    db.stock(&[("A", 10_000)]).await;
    let lines = json!({"lines": vec![json!({"sku": "A", "quantity": 1}); 10_000]});
    operator.post("/v1/deductions", &lines).await.is(201);
    gateway.logged_no_failure();
}

pub async fn no_such_route_or_method(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v2/stock",
        "/v1/stocks",
        "/v1/stock/A/b",
        "/V1/stock",
        "//",
        "/v1/products/",
        "/v1/products/a/b",
    ] {
        for client in [&gateway.operator, &gateway.operator.without_key()] {
            client.get(path).await.refuses(404, "not_found", "");
            client.post(path, &json!({})).await.refuses(404, "not_found", "");
        }
    }
    for (method, path, allowed) in [
        ("DELETE", "/v1/deductions", "POST"),
        ("GET", "/v1/receipts", "POST"),
        ("PATCH", "/v1/products/A", "DELETE,GET,HEAD,PUT"),
        ("POST", "/v1/stock/A", "GET,HEAD"),
        ("OPTIONS", "/v1/orders", "GET,HEAD,POST"),
        ("TRACE", "/healthz", "GET,HEAD"),
        ("BREW", "/healthz", "GET,HEAD"),
    ] {
        let refused = gateway.operator.send(Request::new(method, path)).await;
        refused.refuses(405, "method_not_allowed", method);
        let mut told: Vec<_> =
            refused.header("allow").expect("Allow").split(',').map(str::trim).collect();
        told.sort_unstable();
        assert_eq!(told.join(","), allowed, "{method} {path}");
    }
    // HEAD is GET without a body.
    let head = gateway.operator.send(Request::new("HEAD", "/v1/products/NONE")).await;
    assert_eq!(head.status, 404);
}

pub async fn who_asks_too_often_waits(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--rate-limit", "5"]).await;
    let mut refused = None;
    for _ in 0..50 {
        let reply = gateway.operator.get("/v1/warehouses").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    refused.expect("a limit").refuses(429, "rate_limited", "");
    // Each principal by itself, and what is open to all is not counted.
    gateway.reader.get("/v1/warehouses").await.is(200);
    for _ in 0..50 {
        gateway.operator.get("/healthz").await.is(200);
    }
    // In time it goes on.
    let begun = std::time::Instant::now();
    while gateway.operator.get("/v1/warehouses").await.status != 200 {
        assert!(begun.elapsed().as_secs() < 60, "never again");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

pub async fn a_database_that_is_away(pg: Pg) {
    let db = pg.private_database(preloaded).await;
    let settings = ["--request-timeout-ms", "2000", "--breaker-open-ms", "500"];
    let gateway = Gateway::with(&db, &settings).await;
    // On a connection of each batcher.
    let skus = ["A", "B", "C", "D", "E", "F"];
    db.stock(&skus.map(|sku| (sku, 5))).await;
    let sale = |sku: &str| Request::post("/v1/deductions", &json!({"sku": sku, "quantity": 1}));
    for sku in skus {
        gateway.operator.send(sale(sku).once(sku)).await.is(201);
    }
    db.server.stop();
    gateway.reader.get("/healthz").await.is(200);
    for path in ["/v1/warehouses", "/v1/products", "/v1/orders"] {
        let away = gateway.reader.get(path).await;
        away.refuses(503, "database_unavailable", "");
    }
    let away = gateway.operator.send(sale("A").once("k2")).await;
    assert_eq!(away.status, 503, "{}", away.text());
    let away = gateway
        .operator
        .post("/v1/adjustments", &json!({"sku": "A", "delta": 1, "reason": "x"}))
        .await;
    away.refuses(503, "database_unavailable", "");
    let begun = std::time::Instant::now();
    while gateway.reader.get("/readyz").await.status != 503 {
        assert!(begun.elapsed().as_secs() < 60, "still ready");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    db.server.start_again();
    gateway.until_ready().await;
    // At once, although the connections from before are dead, and what was refused has no effect yet.
    for sku in skus {
        let key = if sku == "A" { "k2".to_owned() } else { format!("{sku} again") };
        gateway.operator.send(sale(sku).once(&key)).await.is(201);
        let levels = gateway.reader.get(&format!("/v1/stock/{sku}")).await.is(200);
        assert_eq!(levels["on_hand"], 3, "{sku}");
    }
    db.verify_is_clean().await;
}

pub async fn a_database_without_our_tables(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let mut owner = db.owner().await;
    owner.run("ALTER TABLE inventory.installation RENAME TO elsewhere").await;
    let sale = json!({"sku": "A", "quantity": 1});
    gateway.operator.post("/v1/deductions", &sale).await.refuses(503, "not_installed", "");
}
