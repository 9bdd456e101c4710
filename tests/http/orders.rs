//! `/v1/orders`.

use inventory_tests::{Client, Gateway, Pg, Request};
use serde_json::{Value, json};

async fn order(client: &Client, body: &Value) -> String {
    let made = client.post("/v1/orders", body).await;
    let told = made.is(201);
    let number = told["order_no"].as_str().unwrap();
    assert_eq!(number.len(), 23);
    assert!(told["order_id"].as_str().is_some_and(|id| id.parse::<i64>().is_ok()), "{told}");
    assert_eq!((&told["state"], &told["replayed"]), (&json!("PENDING"), &json!(false)));
    let place = format!("/v1/orders/{number}");
    assert_eq!(made.header("location"), Some(place.as_str()));
    place
}

/// The state that a step leads to.
async fn step(client: &Client, place: &str, step: &str) -> Value {
    let path = format!("{place}/{step}");
    let moved = match step {
        "fail" | "revert" => client.post(&path, &json!({"reason": "changed mind"})).await,
        _ => client.send(Request::new("POST", &path)).await,
    };
    moved.is(200)["state"].clone()
}

pub async fn an_order_goes_through_its_states(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5), ("B", 5)]).await;
    let operator = &gateway.operator;
    let lines = json!([{"sku": "A", "quantity": 2}, {"sku": "B", "quantity": 1}]);
    let body = json!({"direction": "outbound", "lines": lines, "external_ref": "web-1"});
    let place = order(operator, &body).await;
    assert_eq!(step(operator, &place, "start").await, "PROCESSING");
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["reserved"], 2);
    assert_eq!(step(operator, &place, "complete").await, "COMPLETED");
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["on_hand"], 3);
    for wrong in ["start", "complete"] {
        let again = operator.send(Request::new("POST", &format!("{place}/{wrong}"))).await;
        again.refuses(409, "invalid_transition", "COMPLETED");
    }
    assert_eq!(step(operator, &place, "revert").await, "REVERTED");
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["on_hand"], 5);
    let shown = operator.get(&place).await.is(200);
    assert_eq!((&shown["state"], &shown["external_ref"]), (&json!("REVERTED"), &json!("web-1")));
    assert_eq!(shown["lines"].as_array().map(Vec::len), Some(2), "{shown}");
    assert_eq!(
        (&shown["lines"][0]["sku"], &shown["lines"][0]["quantity"]),
        (&json!("A"), &json!(2))
    );
    let states: Vec<_> =
        shown["history"].as_array().unwrap().iter().map(|e| e["to_state"].clone()).collect();
    assert_eq!(states, ["PENDING", "PROCESSING", "COMPLETED", "REVERTED"], "{shown}");
    assert_eq!(shown["history"][3]["reason"], "changed mind");

    let failed = order(operator, &body).await;
    step(operator, &failed, "start").await;
    assert_eq!(step(operator, &failed, "fail").await, "FAILED");
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["reserved"], 0);
    for (query, found) in [
        ("external_ref=web-1", 2),
        ("state=FAILED", 1),
        ("state=PENDING", 0),
        ("warehouse_id=2", 0),
    ] {
        let listed = operator.get(&format!("/v1/orders?{query}")).await.is(200);
        assert_eq!(listed["data"].as_array().map(Vec::len), Some(found), "{query}");
    }
    db.verify_is_clean().await;
}

pub async fn an_inbound_order_receives(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let operator = &gateway.operator;
    let milk = json!({"name": "Milk", "lot_controlled": true});
    gateway.admin.put("/v1/products/MILK", &milk).await.is(201);
    let line = json!({"sku": "MILK", "quantity": 7, "lot": "x", "expires_on": "2999-01-31"});
    let place = order(operator, &json!({"direction": "inbound", "lines": [line]})).await;
    step(operator, &place, "start").await;
    assert_eq!(operator.get("/v1/stock/MILK").await.is(200)["on_hand"], 0);
    step(operator, &place, "complete").await;
    let levels = operator.get("/v1/stock/MILK").await.is(200);
    let lot = &levels["warehouses"][0]["lots"][0];
    assert_eq!(
        (&lot["lot"], &lot["on_hand"], &lot["expires_on"]),
        (&json!("x"), &json!(7), &json!("2999-01-31"))
    );
    db.verify_is_clean().await;
}

pub async fn orders_that_make_no_sense(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5)]).await;
    let operator = &gateway.operator;
    let line = json!([{"sku": "A", "quantity": 9}]);
    for (body, status, code) in [
        (json!({"direction": "sideways", "lines": line}), 422, "invalid_argument"),
        (json!({"direction": "outbound", "lines": []}), 422, "invalid_argument"),
        (
            json!({"direction": "outbound", "lines": [{"sku": "A", "quantity": 0}]}),
            422,
            "invalid_argument",
        ),
        (
            json!({"direction": "outbound", "lines": [{"sku": "NONE", "quantity": 1}]}),
            404,
            "unknown_sku",
        ),
        (
            json!({"direction": "outbound", "lines": line, "warehouse_id": 9}),
            404,
            "unknown_warehouse",
        ),
        (
            json!({"direction": "outbound", "lines": line, "external_ref": ""}),
            422,
            "invalid_argument",
        ),
        (
            json!({"direction": "outbound", "lines": [{"sku": "A", "quantity": 1, "expires_on": "2999-01-01"}]}),
            422,
            "invalid_argument",
        ),
        (
            json!({"direction": "outbound", "lines": vec![json!({"sku": "A", "quantity": 1}); 10_001]}),
            422,
            "invalid_argument",
        ),
    ] {
        operator.post("/v1/orders", &body).await.refuses(status, code, "");
    }
    let place = order(operator, &json!({"direction": "outbound", "lines": line})).await;
    let short = operator.send(Request::new("POST", &format!("{place}/start"))).await;
    short.refuses(400, "insufficient_stock", "requested 9 units, available: 5");
    operator.post(&format!("{place}/fail"), &json!({})).await.refuses(
        422,
        "invalid_argument",
        "reason",
    );
    operator.post(&format!("{place}/start"), &json!({"x": 1})).await.refuses(
        422,
        "invalid_argument",
        "x",
    );
    for number in ["20240520123001001000001", "1", "%00", "x'--"] {
        let shown = operator.get(&format!("/v1/orders/{number}")).await;
        assert!(matches!(shown.status, 404 | 422), "{number}: {}", shown.text());
        let started =
            operator.send(Request::new("POST", &format!("/v1/orders/{number}/start"))).await;
        assert!(matches!(started.status, 404 | 422), "{number}: {}", started.text());
    }
    operator.get("/v1/orders/20240520123001001000001").await.refuses(404, "unknown_order", "2024");
    operator.get("/v1/orders?state=LOST").await.refuses(422, "invalid_argument", "");
    db.verify_is_clean().await;
}
