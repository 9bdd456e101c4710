//! Lists, the audit log, what is hot.

use inventory_tests::{Client, Gateway, Pg, Request};
use serde_json::{Value, json};

/// All of a list, walked page by page.
async fn walk(client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    let joint = if path.contains('?') { '&' } else { '?' };
    for _ in 0..10_000 {
        let page = client.get(&format!("{path}{joint}limit={limit}{cursor}")).await.is(200);
        let data = page["data"].as_array().expect("a list").clone();
        assert!(data.len() <= limit, "{path}");
        all.extend(data);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
    panic!("{path} has no end");
}

pub async fn lists_are_walked_to_their_end(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_product('P' || to_char(n, 'FM000'), 'P', low_stock_threshold => 5) FROM generate_series(1, 205) AS n").await;
    admin
        .run("SELECT inventory.put_warehouse(n, 'W' || n, 'W') FROM generate_series(2, 60) AS n")
        .await;
    admin.run("SELECT inventory.receive('P' || to_char(n, 'FM000'), n) FROM generate_series(1, 204) AS n").await;
    admin.run("SELECT inventory.receive('P001', 1, 2)").await;
    admin.run("SELECT inventory.create_order('outbound', '[{\"sku\": \"P001\", \"qty\": 1}]') FROM generate_series(1, 103)").await;
    let reader = &gateway.reader;
    let of = |name: &'static str| move |row: &Value| row[name].to_string();
    for (path, name, expected) in [
        ("/v1/products", "sku", 205),
        ("/v1/warehouses", "warehouse_id", 60),
        ("/v1/stock", "sku", 205),
        ("/v1/stock?low=true", "sku", 5),
        ("/v1/stock?warehouse_id=2", "sku", 205),
        ("/v1/stock?low=true&warehouse_id=2", "sku", 1),
        ("/v1/orders", "order_no", 103),
        ("/v1/orders?state=PENDING", "order_no", 103),
        ("/v1/audit", "id", 205),
        ("/v1/audit?sku=P001", "id", 2),
        ("/v1/audit?warehouse_id=2", "id", 1),
    ] {
        let whole: Vec<_> = walk(reader, path, 100).await.iter().map(of(name)).collect();
        assert_eq!(whole.len(), expected, "{path}");
        let mut once = whole.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), expected, "{path}: each once");
        for limit in [1, 7, 51] {
            let parts: Vec<_> = walk(reader, path, limit).await.iter().map(of(name)).collect();
            assert_eq!(parts, whole, "{path} by {limit}");
        }
    }
    let first = reader.get("/v1/products").await.is(200);
    assert_eq!(first["data"].as_array().map(Vec::len), Some(50), "where no limit is named");
}

const LISTS: [&str; 6] =
    ["/v1/products", "/v1/warehouses", "/v1/stock", "/v1/orders", "/v1/audit", "/v1/hot"];

pub async fn limits_have_bounds(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for path in LISTS {
        for limit in ["1", "100"] {
            gateway.reader.get(&format!("{path}?limit={limit}")).await.is(200);
        }
        for limit in ["0", "101", "-1", "x", "", "1.5", "99999999999999999999"] {
            let refused = gateway.reader.get(&format!("{path}?limit={limit}")).await;
            refused.refuses(422, "invalid_argument", "");
        }
        let odd = gateway.reader.get(&format!("{path}?page=2")).await;
        odd.refuses(422, "invalid_argument", "page");
    }
}

pub async fn cursors_that_are_none(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    for path in LISTS {
        // No base64, no JSON in it, JSON of another kind, of a NUL.
        for cursor in ["x", "", "!!", "bm8", "e30", "Ilx1MDAwMCI", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5"] {
            let refused = gateway.reader.get(&format!("{path}?cursor={cursor}")).await;
            refused.refuses(422, "invalid_argument", "");
        }
    }
    gateway.logged_no_failure();
}

pub async fn stock_that_is_low(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let lamp = json!({"name": "Lamp", "low_stock_threshold": 5});
    gateway.admin.put("/v1/products/LAMP", &lamp).await.is(201);
    let low = async || gateway.reader.get("/v1/stock?low=true").await.is(200)["data"].clone();
    gateway.operator.post("/v1/receipts", &json!({"sku": "LAMP", "quantity": 6})).await.is(201);
    assert_eq!(low().await, json!([]));
    gateway.operator.post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 1})).await.is(201);
    let found = low().await;
    assert_eq!(
        (&found[0]["sku"], &found[0]["warehouses"][0]["low"]),
        (&json!("LAMP"), &json!(true))
    );
    let text = gateway.reader.get("/metrics").await.text();
    assert!(text.contains("inventory_deductions_total{outcome=\"accepted\"} 1"), "{text}");
}

pub async fn the_audit_tells_who_what_when(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 0), ("BULB", 3)]).await;
    let operator = &gateway.operator;
    operator
        .post("/v1/receipts", &json!({"sku": "LAMP", "quantity": 10, "reason": "truck 7"}))
        .await
        .is(201);
    let between = db.owner().await.text("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')").await;
    operator.post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 3})).await.is(201);
    let listed = gateway.reader.get("/v1/audit?sku=LAMP").await.is(200);
    let rows = listed["data"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{listed}");
    let sale = &rows[0];
    assert_eq!(
        (&sale["before_qty"], &sale["after_qty"], &sale["reason"]),
        (&json!(10), &json!(7), &json!("sale"))
    );
    assert_eq!(rows[1]["reason"], "truck 7");
    for row in rows {
        assert_eq!(
            (&row["operator"], &row["warehouse_id"]),
            (&json!("operator"), &json!(1)),
            "{row}"
        );
        assert!(row["at"].as_str().is_some_and(|at| at.ends_with('Z')), "{row}");
        assert!(row["trace_id"].as_str().is_some_and(|id| id.len() == 32), "{row}");
        assert!(row["request_id"].as_str().is_some_and(|id| id.len() == 36), "{row}");
    }
    let count = async |query: String| {
        let listed = gateway.reader.get(&format!("/v1/audit?sku=LAMP{query}")).await.is(200);
        listed["data"].as_array().map(Vec::len)
    };
    assert_eq!(count(format!("&from={between}")).await, Some(1));
    assert_eq!(count(format!("&to={between}")).await, Some(1));
    assert_eq!(count("&from=2999-01-01T00:00:00%2B02:00".into()).await, Some(0));
    for wrong in ["from=yesterday", "from=2024-01-01", "to=", "from=2024-13-01T00:00:00Z"] {
        let refused = gateway.reader.get(&format!("/v1/audit?{wrong}")).await;
        refused.refuses(422, "invalid_argument", "");
    }
    for far in [
        "from=%2B262142-12-31T23:59:59Z",
        "to=-262143-01-01T00:00:00Z",
        "from=-9999-01-01T00:00:00Z",
    ] {
        let told = gateway.reader.get(&format!("/v1/audit?{far}")).await;
        assert!(matches!(told.status, 200 | 422), "{far}: {}", told.text());
    }
    gateway.logged_no_failure();
}

pub async fn traces_are_kept_with_the_movement(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 100)]).await;
    let operator = &gateway.operator;
    let trace = |n: u32| format!("4bf92f3577b34da6a3ce929d0e0e{n:04}");
    let parent = |n: u32| format!("00-{}-00f067aa0ba902b7-01", trace(n));
    let goods = json!({"sku": "LAMP", "quantity": 1});
    for (n, (path, body)) in [
        ("/v1/receipts", goods.clone()),
        ("/v1/deductions", goods.clone()),
        ("/v1/adjustments", json!({"sku": "LAMP", "delta": 1, "reason": "x"})),
        ("/v1/reservations", json!({"lines": [goods]})),
    ]
    .into_iter()
    .enumerate()
    {
        let n = u32::try_from(n).unwrap();
        let request = Request::post(path, &body).header("traceparent", &parent(n));
        operator.send(request).await.is(201);
        let newest = "SELECT trace_id FROM inventory.journal ORDER BY id DESC LIMIT 1";
        assert_eq!(db.owner().await.text(newest).await, trace(n), "{path}");
    }
    let refused = Request::post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 999}));
    let refused = operator.send(refused.header("traceparent", &parent(9))).await;
    assert_eq!(refused.refuses(400, "insufficient_stock", "")["trace_id"], trace(9));
    let odd = Request::new("GET", "/v1/products/NONE").header("traceparent", "00-zz-zz-01");
    operator.send(odd).await.refuses(404, "unknown_sku", "");
}

pub async fn hot_skus(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10), ("BULB", 10), ("CORD", 10)]).await;
    let (reader, admin) = (&gateway.reader, &gateway.admin);
    assert_eq!(reader.get("/v1/hot").await.is(200), json!({"data": [], "next_cursor": null}));
    for sku in ["LAMP", "BULB", "CORD"] {
        let called = admin.put(&format!("/v1/hot/{sku}"), &json!({"hot": true})).await;
        assert_eq!(called.is(200), json!({"sku": sku, "hot": true, "changed": true}));
    }
    let again = admin.put("/v1/hot/LAMP", &json!({"hot": true})).await.is(200);
    assert_eq!(again["changed"], false);
    let listed = walk(reader, "/v1/hot", 100).await;
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(listed.iter().all(|hot| hot["by_hand"] == true), "{listed:?}");
    assert_eq!(walk(reader, "/v1/hot", 1).await, listed);
    admin.put("/v1/hot/LAMP", &json!({"hot": false})).await.is(200);
    assert_eq!(walk(reader, "/v1/hot", 1).await.len(), 2);
    admin.put("/v1/hot/NONE", &json!({"hot": true})).await.refuses(404, "unknown_sku", "NONE");
    admin.put("/v1/hot/LAMP", &json!({})).await.refuses(422, "invalid_argument", "hot");
}
