//! `/v1/receipts`, `/v1/deductions`, `/v1/adjustments`, `/v1/transfers`.

use inventory_tests::{Gateway, Pg};
use serde_json::{Value, json};

pub async fn receipts(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 0)]).await;
    let operator = &gateway.operator;
    let receipt = json!({"sku": "LAMP", "quantity": 10});
    let levels = json!({"sku": "LAMP", "warehouse_id": 1, "on_hand": 10, "reserved": 0, "available": 10, "replayed": false});
    assert_eq!(operator.post("/v1/receipts", &receipt).await.is(201), levels);
    for (body, status, code, detail) in [
        (json!({"sku": "NONE", "quantity": 1}), 404, "unknown_sku", "NONE"),
        (json!({"sku": "LAMP", "quantity": 1, "warehouse_id": 9}), 404, "unknown_warehouse", "9"),
        (json!({"sku": "LAMP", "quantity": 1, "lot": "x"}), 422, "invalid_argument", "no lot"),
        (
            json!({"sku": "LAMP", "quantity": 1, "expires_on": "2999-01-01"}),
            422,
            "invalid_argument",
            "expires_on",
        ),
    ] {
        operator.post("/v1/receipts", &body).await.refuses(status, code, detail);
    }
    for (field, value) in [
        ("sku", json!("")),
        ("quantity", json!(0)),
        ("quantity", json!(-1)),
        ("quantity", json!(1_000_000_000_001_i64)),
        ("lot", json!("")),
        ("reason", json!("")),
        ("reason", json!("x".repeat(65))),
        ("expires_on", json!("2999-02-30")),
        ("expires_on", json!("tomorrow")),
    ] {
        let mut body = json!({"sku": "LAMP", "quantity": 1});
        body[field] = value;
        let refused = operator.post("/v1/receipts", &body).await;
        let problem = refused.refuses(422, "invalid_argument", "");
        assert_eq!(problem["errors"][0]["pointer"], format!("/{field}"), "{body}");
    }
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 10);
    db.verify_is_clean().await;
}

pub async fn deductions(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    let sold =
        operator.post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 7})).await.is(201);
    assert_eq!(sold["order_no"].as_str().map(str::len), Some(23), "{sold}");
    let line =
        json!({"sku": "LAMP", "quantity": 7, "warehouse_id": 1, "on_hand": 3, "available": 3});
    assert_eq!((&sold["lines"], &sold["replayed"]), (&json!([line]), &json!(false)));
    let refused = operator.post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 10})).await;
    let mut problem = refused.refuses(400, "insufficient_stock", "");
    let trace = problem["trace_id"].take();
    assert!(trace.is_string());
    let expected = json!({
        "type": "/errors/insufficient-stock", "title": "not enough stock is available", "status": 400,
        "detail": "requested 10 units, available: 3", "instance": "/v1/deductions",
        "code": "insufficient_stock", "trace_id": null, "retryable": false,
        "sku": "LAMP", "requested": 10, "available": 3,
    });
    assert_eq!(problem, expected);
    assert!(refused.text().starts_with(r#"{"type":"/errors/insufficient-stock","title""#));
    for (body, status, code, pointer) in [
        (json!({"sku": "NONE", "quantity": 1}), 404, "unknown_sku", None),
        (json!({"sku": "LAMP", "quantity": 1, "warehouse_id": 9}), 404, "unknown_warehouse", None),
        (json!({"sku": "LAMP", "quantity": 1, "lot": "x"}), 422, "invalid_argument", None),
        (json!({"quantity": 1}), 422, "invalid_argument", Some("/sku")),
        (json!({"sku": "LAMP"}), 422, "invalid_argument", Some("/quantity")),
        (json!({"sku": "LAMP", "quantity": 0}), 422, "invalid_argument", Some("/quantity")),
        (json!({"lines": []}), 422, "invalid_argument", Some("/lines")),
        (json!({"sku": "LAMP", "lines": []}), 422, "invalid_argument", Some("/lines")),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1}], "lot": "x"}),
            422,
            "invalid_argument",
            Some("/lines"),
        ),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1}, {"sku": "", "quantity": 1}]}),
            422,
            "invalid_argument",
            Some("/lines/1/sku"),
        ),
        (
            json!({"lines": [{"sku": "LAMP", "quantity": 1, "more": 1}]}),
            422,
            "invalid_argument",
            Some("/lines/0/more"),
        ),
    ] {
        let refused = operator.post("/v1/deductions", &body).await;
        let problem = refused.refuses(status, code, "");
        let told = problem["errors"][0]["pointer"].as_str();
        assert!(pointer.is_none() || told == pointer, "{body}: {problem}");
    }
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 3);
    db.verify_is_clean().await;
}

fn lines(lines: &[(&str, i64)]) -> Value {
    let lines: Vec<_> = lines.iter().map(|(sku, n)| json!({"sku": sku, "quantity": n})).collect();
    json!({ "lines": lines })
}

pub async fn orders_of_many_lines_leave_whole_or_not_at_all(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5), ("B", 5)]).await;
    let operator = &gateway.operator;
    let sold = operator.post("/v1/deductions", &lines(&[("A", 2), ("B", 1), ("A", 1)])).await;
    let told = sold.is(201);
    let left: Vec<_> =
        told["lines"].as_array().unwrap().iter().map(|l| l["on_hand"].clone()).collect();
    assert_eq!(left, [3, 4, 2], "levels after each line: {told}");
    for (order, status, code) in [
        (lines(&[("A", 1), ("B", 5)]), 400, "insufficient_stock"),
        (lines(&[("A", 1), ("NONE", 1)]), 404, "unknown_sku"),
        (lines(&[("A", 2), ("A", 1)]), 400, "insufficient_stock"),
    ] {
        operator.post("/v1/deductions", &order).await.refuses(status, code, "");
    }
    let many = vec![("A", 1); 10_001];
    operator.post("/v1/deductions", &lines(&many)).await.refuses(422, "invalid_argument", "10000");
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["on_hand"], 2);
    assert_eq!(operator.get("/v1/stock/B").await.is(200)["on_hand"], 4);
    let all = lines(&[("B", 1); 4]);
    operator.post("/v1/deductions", &all).await.is(201);
    db.verify_is_clean().await;
}

pub async fn a_refusal_names_the_line_that_is_short(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5), ("B", 3), ("C", 9)]).await;
    let operator = &gateway.operator;
    let order = lines(&[("A", 1), ("B", 2), ("C", 1), ("B", 2)]);
    let problem = operator.post("/v1/deductions", &order).await;
    let problem = problem.refuses(400, "insufficient_stock", "requested 2 units, available: 1");
    assert_eq!(problem["sku"], "B", "{problem}");
    assert_eq!((&problem["requested"], &problem["available"]), (&json!(2), &json!(1)));
    let unknown = operator.post("/v1/deductions", &lines(&[("A", 1), ("NONE", 1)])).await;
    unknown.refuses(404, "unknown_sku", "NONE");
}

pub async fn first_expired_first_out(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let operator = &gateway.operator;
    let milk = json!({"name": "Milk", "lot_controlled": true});
    gateway.admin.put("/v1/products/MILK", &milk).await.is(201);
    let receive = |lot: &str, day: Option<&str>, units: i64| {
        let body = json!({"sku": "MILK", "quantity": units, "lot": lot, "expires_on": day});
        async move { operator.post("/v1/receipts", &body).await }
    };
    for (lot, day) in [("late", Some("2999-02-01")), ("soon", Some("2999-01-31")), ("never", None)]
    {
        receive(lot, day, 5).await.is(201);
    }
    receive("old", Some("2001-01-01"), 5).await.is(201);
    receive("soon", Some("2999-01-30"), 1).await.refuses(422, "invalid_argument", "expires_on");
    let no_lot = operator.post("/v1/receipts", &json!({"sku": "MILK", "quantity": 1})).await;
    no_lot.refuses(422, "invalid_argument", "lot");
    operator.post("/v1/deductions", &json!({"sku": "MILK", "quantity": 7})).await.is(201);
    let shown = operator.get("/v1/stock/MILK").await.is(200);
    let lots = shown["warehouses"][0]["lots"].as_array().unwrap();
    let left: Vec<_> =
        lots.iter().map(|l| format!("{} {} {}", l["lot"], l["on_hand"], l["available"])).collect();
    // What is too old is on hand, and nobody gets it.
    assert_eq!(left, ["\"old\" 5 0", "\"soon\" 0 0", "\"late\" 3 3", "\"never\" 5 5"]);
    let rest = operator.post("/v1/deductions", &json!({"sku": "MILK", "quantity": 9})).await;
    rest.refuses(400, "insufficient_stock", "requested 9 units, available: 8");
    let named = json!({"sku": "MILK", "quantity": 4, "lot": "late"});
    let named = operator.post("/v1/deductions", &named).await;
    named.refuses(400, "insufficient_stock", "requested 4 units, available: 3");
    let unknown = json!({"sku": "MILK", "quantity": 4, "lot": "none"});
    operator.post("/v1/deductions", &unknown).await.refuses(404, "unknown_lot", "none");
    db.verify_is_clean().await;
}

pub async fn adjustments(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 5)]).await;
    let operator = &gateway.operator;
    let broken = json!({"sku": "LAMP", "delta": -2, "reason": "broken"});
    let levels = json!({"sku": "LAMP", "warehouse_id": 1, "on_hand": 3, "reserved": 0, "available": 3, "replayed": false});
    assert_eq!(operator.post("/v1/adjustments", &broken).await.is(201), levels);
    let more = json!({"sku": "LAMP", "delta": 4, "reason": "found"});
    assert_eq!(operator.post("/v1/adjustments", &more).await.is(201)["on_hand"], 7);
    let low = json!({"sku": "LAMP", "delta": -8, "reason": "broken"});
    let low = operator.post("/v1/adjustments", &low).await;
    let problem = low.refuses(400, "insufficient_stock", "requested 8 units, available: 7");
    assert_eq!((&problem["sku"], &problem["requested"]), (&json!("LAMP"), &json!(8)));
    for (body, status, code, detail) in [
        (json!({"sku": "LAMP", "delta": 0, "reason": "x"}), 422, "invalid_argument", "delta"),
        (
            json!({"sku": "LAMP", "delta": i64::MIN, "reason": "x"}),
            422,
            "invalid_argument",
            "delta",
        ),
        (json!({"sku": "LAMP", "delta": 1, "reason": ""}), 422, "invalid_argument", "reason"),
        (json!({"sku": "LAMP", "delta": 1}), 422, "invalid_argument", "reason"),
        (json!({"sku": "NONE", "delta": 1, "reason": "x"}), 404, "unknown_sku", "NONE"),
        (
            json!({"sku": "LAMP", "delta": 1, "reason": "x", "warehouse_id": 9}),
            404,
            "unknown_warehouse",
            "9",
        ),
    ] {
        operator.post("/v1/adjustments", &body).await.refuses(status, code, detail);
    }
    db.verify_is_clean().await;
}

pub async fn transfers(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 5)]).await;
    gateway.admin.put("/v1/warehouses/2", &json!({"code": "N", "name": "North"})).await.is(201);
    let operator = &gateway.operator;
    let over = json!({"sku": "LAMP", "quantity": 2, "from_warehouse": 1, "to_warehouse": 2});
    let moved = operator.post("/v1/transfers", &over).await.is(201);
    let side = |warehouse: i32, units: i64| json!({"sku": "LAMP", "warehouse_id": warehouse, "on_hand": units, "reserved": 0, "available": units, "replayed": false});
    let both = json!({"sku": "LAMP", "quantity": 2, "from": side(1, 3), "to": side(2, 2), "replayed": false});
    assert_eq!(moved, both);
    for (quantity, from, to, status, code) in [
        (4, 1, 2, 400, "insufficient_stock"),
        (1, 1, 9, 404, "unknown_warehouse"),
        (1, 1, 1, 422, "invalid_argument"),
        (0, 1, 2, 422, "invalid_argument"),
        (1, 0, 2, 404, "unknown_warehouse"),
    ] {
        let body = json!({"sku": "LAMP", "quantity": quantity, "from_warehouse": from, "to_warehouse": to});
        operator.post("/v1/transfers", &body).await.refuses(status, code, "");
    }
    let levels = operator.get("/v1/stock/LAMP").await.is(200);
    assert_eq!(levels["on_hand"], 5, "both sides or neither");
    db.verify_is_clean().await;
}
