//! `/v1/reservations`.

use inventory_tests::clock::TIME_PASSES;
use inventory_tests::{Client, Gateway, Pg};
use serde_json::{Value, json};

fn lamps(units: i64) -> Value {
    json!({"lines": [{"sku": "LAMP", "quantity": units}]})
}

/// The address of a new hold.
async fn hold(client: &Client, body: &Value) -> String {
    let held = client.post("/v1/reservations", body).await;
    let id = held.is(201)["reservation_id"].as_str().unwrap().to_owned();
    let place = format!("/v1/reservations/{id}");
    assert_eq!(held.header("location"), Some(place.as_str()));
    place
}

pub async fn a_hold_is_confirmed_or_released_once(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    let held = operator.post("/v1/reservations", &lamps(4)).await.is(201);
    assert_eq!(held["state"], "HELD");
    assert!(held["expires_at"].as_str().is_some_and(|at| at.ends_with('Z')), "{held}");
    let line = json!({"sku": "LAMP", "quantity": 4, "warehouse_id": 1, "on_hand": 10, "reserved": 4, "available": 6});
    assert_eq!(held["lines"], json!([line]));
    let place = format!("/v1/reservations/{}", held["reservation_id"].as_str().unwrap());
    let shown = operator.get(&place).await.is(200);
    assert_eq!((&shown["state"], &shown["closed_at"]), (&json!("HELD"), &Value::Null));
    assert_eq!(shown["lines"][0]["quantity"], 4);
    let confirmed = operator.post(&format!("{place}/confirm"), &json!({})).await.is(200);
    assert_eq!(confirmed["state"], "CONFIRMED");
    assert_eq!(confirmed["order_no"].as_str().map(str::len), Some(23));
    for end in ["confirm", "release"] {
        let again = operator.post(&format!("{place}/{end}"), &json!({})).await;
        again.refuses(409, "reservation_closed", "");
    }
    let other = hold(operator, &lamps(6)).await;
    operator.post("/v1/reservations", &lamps(1)).await.refuses(
        400,
        "insufficient_stock",
        "available: 0",
    );
    let released = operator.post(&format!("{other}/release"), &json!({"reason": "no purse"})).await;
    assert_eq!(released.is(200)["state"], "RELEASED");
    assert_eq!(operator.get(&other).await.is(200)["state"], "RELEASED");
    let none = "/v1/reservations/99999999-9999-4999-8999-999999999999";
    operator.get(none).await.refuses(404, "unknown_reservation", "9999");
    operator.post(&format!("{none}/confirm"), &json!({})).await.refuses(
        404,
        "unknown_reservation",
        "",
    );
    operator.get("/v1/reservations/1").await.refuses(422, "invalid_argument", "path");
    let levels = operator.get("/v1/stock/LAMP").await.is(200);
    assert_eq!((&levels["on_hand"], &levels["available"]), (&json!(6), &json!(6)));
    db.verify_is_clean().await;
}

pub async fn part_of_a_hold(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10), ("BULB", 10)]).await;
    let operator = &gateway.operator;
    let place = hold(operator, &lamps(4)).await;
    let confirm = format!("{place}/confirm");
    for units in [0, 5] {
        let refused = operator.post(&confirm, &json!({"quantity": units})).await;
        assert!(matches!(refused.status, 400 | 422), "{}", refused.text());
    }
    operator.post(&confirm, &json!({"quantity": 3})).await.is(200);
    let levels = operator.get("/v1/stock/LAMP").await.is(200);
    assert_eq!((&levels["on_hand"], &levels["reserved"]), (&json!(7), &json!(0)));
    let two = json!({"lines": [{"sku": "LAMP", "quantity": 1}, {"sku": "BULB", "quantity": 1}]});
    let two = hold(operator, &two).await;
    let part = operator.post(&format!("{two}/confirm"), &json!({"quantity": 1})).await;
    part.refuses(422, "invalid_argument", "");
    // A body is not needed.
    let whole = inventory_tests::Request::new("POST", &format!("{two}/confirm"));
    operator.send(whole).await.is(200);
    db.verify_is_clean().await;
}

pub async fn holds_that_expire(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    let body = json!({"lines": [{"sku": "LAMP", "quantity": 10}], "ttl_seconds": 60});
    let place = hold(operator, &body).await;
    db.owner().await.run(TIME_PASSES).await;
    db.owner().await.run("SELECT public.time_passes('2 minutes')").await;
    let levels = operator.get("/v1/stock/LAMP").await.is(200);
    assert_eq!((&levels["reserved"], &levels["available"]), (&json!(0), &json!(10)));
    let late = operator.post(&format!("{place}/confirm"), &json!({})).await;
    late.refuses(409, "reservation_expired", "");
    operator.post("/v1/deductions", &json!({"sku": "LAMP", "quantity": 10})).await.is(201);
    assert_eq!(operator.get(&place).await.is(200)["state"], "EXPIRED");
    for ttl in [0, -1, 31_622_401, i64::MAX] {
        let body = json!({"lines": [{"sku": "LAMP", "quantity": 1}], "ttl_seconds": ttl});
        let problem = operator.post("/v1/reservations", &body).await;
        let problem = problem.refuses(422, "invalid_argument", "ttl_seconds");
        assert_eq!(problem["errors"][0]["pointer"], "/ttl_seconds");
    }
    db.verify_is_clean().await;
}

pub async fn holds_are_all_or_nothing(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("A", 5), ("B", 1)]).await;
    let operator = &gateway.operator;
    let both = json!({"lines": [{"sku": "A", "quantity": 5}, {"sku": "B", "quantity": 2}]});
    let problem = operator.post("/v1/reservations", &both).await;
    let problem = problem.refuses(400, "insufficient_stock", "requested 2 units, available: 1");
    assert_eq!(problem["sku"], "B");
    for (body, status, code) in [
        (json!({"lines": []}), 422, "invalid_argument"),
        (json!({}), 422, "invalid_argument"),
        (json!({"lines": [{"sku": "NONE", "quantity": 1}]}), 404, "unknown_sku"),
        (
            json!({"lines": [{"sku": "A", "quantity": 1, "warehouse_id": 9}]}),
            404,
            "unknown_warehouse",
        ),
    ] {
        operator.post("/v1/reservations", &body).await.refuses(status, code, "");
    }
    assert_eq!(operator.get("/v1/stock/A").await.is(200)["reserved"], 0);
    db.verify_is_clean().await;
}
