//! `/v1/stock`: levels, and counting anew.

use inventory_tests::{Gateway, Pg, Request};
use serde_json::json;

const LAMP: &str = "/v1/stock/LAMP";

pub async fn levels_of_a_sku(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 0)]).await;
    let (reader, operator) = (&gateway.reader, &gateway.operator);
    let nothing =
        json!({"sku": "LAMP", "on_hand": 0, "reserved": 0, "available": 0, "warehouses": []});
    let empty = reader.get(LAMP).await;
    assert_eq!((empty.is(200), empty.header("etag")), (nothing, Some("\"0\"")));
    reader.get("/v1/stock/NONE").await.refuses(404, "unknown_sku", "NONE");

    gateway.admin.put("/v1/warehouses/2", &json!({"code": "N", "name": "North"})).await.is(201);
    for (warehouse, units) in [(1, 10), (2, 5)] {
        let body = json!({"sku": "LAMP", "quantity": units, "warehouse_id": warehouse});
        operator.post("/v1/receipts", &body).await.is(201);
    }
    let hold = json!({"lines": [{"sku": "LAMP", "quantity": 4, "warehouse_id": 2}]});
    operator.post("/v1/reservations", &hold).await.is(201);
    let main = json!({"warehouse_id": 1, "on_hand": 10, "reserved": 0, "available": 10, "low": false, "version": 1});
    let north = json!({"warehouse_id": 2, "on_hand": 5, "reserved": 4, "available": 1, "low": false, "version": 2});
    let both = json!({"sku": "LAMP", "on_hand": 15, "reserved": 4, "available": 11, "warehouses": [main, north]});
    let shown = reader.get(LAMP).await;
    // Warehouse 1's, where none is named.
    assert_eq!((shown.is(200), shown.header("etag")), (both, Some("\"1\"")));
    let one = reader.get("/v1/stock/LAMP?warehouse_id=2").await;
    let alone =
        json!({"sku": "LAMP", "on_hand": 5, "reserved": 4, "available": 1, "warehouses": [north]});
    assert_eq!((one.is(200), one.header("etag")), (alone, Some("\"2\"")));

    for known in ["\"2\"", "W/\"2\"", "*", "\"7\", \"2\""] {
        let again = Request::new("GET", "/v1/stock/LAMP?warehouse_id=2");
        let again = reader.send(again.header("If-None-Match", known)).await;
        assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
        assert_eq!(again.header("etag"), Some("\"2\""));
    }
    let old = Request::new("GET", LAMP).header("If-None-Match", "\"0\"");
    reader.send(old).await.is(200);
    for query in ["warehouse_id=0x", "warehouse_id=", "place=1", "warehouse_id=1&warehouse_id=2"] {
        let odd = reader.get(&format!("{LAMP}?{query}")).await;
        odd.refuses(422, "invalid_argument", "");
    }
}

pub async fn lots_of_a_sku(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let (reader, operator) = (&gateway.reader, &gateway.operator);
    let milk = json!({"name": "Milk", "lot_controlled": true});
    gateway.admin.put("/v1/products/MILK", &milk).await.is(201);
    for (lot, day) in [("b", "2999-02-01"), ("a", "2999-01-31")] {
        let body = json!({"sku": "MILK", "quantity": 5, "lot": lot, "expires_on": day});
        operator.post("/v1/receipts", &body).await.is(201);
    }
    let shown = reader.get("/v1/stock/MILK").await.is(200);
    let lots = shown["warehouses"][0]["lots"].as_array().unwrap().clone();
    assert_eq!(lots.len(), 2);
    assert_eq!(
        lots[0],
        json!({"lot": "a", "on_hand": 5, "reserved": 0, "available": 5, "expires_on": "2999-01-31", "version": 1})
    );
    let a = reader.get("/v1/stock/MILK?lot=a").await;
    a.is(200);
    assert_eq!(a.header("etag"), Some("\"1\""));
    reader.get("/v1/stock/MILK?lot=none").await.refuses(404, "unknown_lot", "none");
    reader.get("/v1/stock/MILK?lot=a&warehouse_id=2").await.refuses(404, "unknown_lot", "");
    let count = json!({"counted": 3, "reason": "count", "lot": "a"});
    let put = Request::put("/v1/stock/MILK/on-hand", &count).header("If-Match", "\"1\"");
    let counted = operator.send(put).await;
    assert_eq!(counted.is(200)["on_hand"], 8);
    let after = reader.get("/v1/stock/MILK?lot=a").await;
    assert_eq!(counted.header("etag"), after.header("etag"));
    db.verify_is_clean().await;
}

fn count(units: i64) -> Request {
    Request::put("/v1/stock/LAMP/on-hand", &json!({"counted": units, "reason": "count"}))
}

pub async fn a_count_needs_the_version_that_was_seen(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    operator.send(count(9)).await.refuses(428, "precondition_required", "If-Match");
    for stale in ["\"7\"", "\"0\"", "W/\"1\"", "1", "\"x\"", "", "\"7\", \"8\"", "\"1"] {
        let refused = operator.send(count(9).header("If-Match", stale)).await;
        refused.refuses(412, "version_conflict", "");
    }
    let seen = operator.get(LAMP).await.header("etag").unwrap().to_owned();
    let counted = operator.send(count(9).header("If-Match", &seen)).await;
    let levels = json!({"sku": "LAMP", "warehouse_id": 1, "on_hand": 9, "reserved": 0, "available": 9, "replayed": false});
    assert_eq!(counted.is(200), levels);
    let now = operator.get(LAMP).await.header("etag").unwrap().to_owned();
    assert_eq!(counted.header("etag"), Some(now.as_str()));
    operator.send(count(9).header("If-Match", &seen)).await.refuses(412, "version_conflict", "");
    operator.send(count(7).header("If-Match", "*")).await.is(200);
    // A row that is not there yet has version 0.
    db.stock(&[("NEW", 0)]).await;
    let put = Request::put("/v1/stock/NEW/on-hand", &json!({"counted": 4, "reason": "count"}));
    let put = operator.send(put.header("If-Match", "\"0\"")).await;
    assert_eq!(put.is(200)["on_hand"], 4);
    let unknown = Request::put("/v1/stock/NONE/on-hand", &json!({"counted": 4, "reason": "count"}));
    operator.send(unknown.header("If-Match", "*")).await.refuses(404, "unknown_sku", "NONE");
    let place = json!({"counted": 4, "reason": "count", "warehouse_id": 9});
    let unknown = Request::put("/v1/stock/LAMP/on-hand", &place).header("If-Match", "*");
    operator.send(unknown).await.refuses(404, "unknown_warehouse", "9");
    db.verify_is_clean().await;
}

pub async fn any_of_several_versions_will_do(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let several = || count(9).header("If-Match", "\"7\", W/\"1\", \"1\"").once("c1");
    assert_eq!(gateway.operator.send(several()).await.is(200)["on_hand"], 9);
    // A repeat is a repeat, although the version has moved on.
    let again = gateway.operator.send(several()).await;
    assert_eq!(
        (again.is(200)["on_hand"].clone(), again.header("idempotent-replayed")),
        (json!(9), Some("true"))
    );
    let lines = count(8).header("If-Match", "\"7\"").header("If-Match", "\"2\"");
    assert_eq!(gateway.operator.send(lines).await.is(200)["on_hand"], 8);
    db.verify_is_clean().await;
}

pub async fn a_count_below_what_is_held(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let hold = json!({"lines": [{"sku": "LAMP", "quantity": 6}]});
    gateway.operator.post("/v1/reservations", &hold).await.is(201);
    let refused = gateway.operator.send(count(5).header("If-Match", "*")).await;
    let problem = refused.refuses(400, "insufficient_stock", "requested 5 units, available: 4");
    assert_eq!((&problem["requested"], &problem["available"]), (&json!(5), &json!(4)));
    assert_eq!(problem["sku"], "LAMP");
    for counted in [-1, 1_000_000_000_001_i64] {
        let refused = gateway.operator.send(count(counted).header("If-Match", "*")).await;
        refused.refuses(422, "invalid_argument", "counted");
    }
}
