//! `/v1/products`, `/v1/warehouses`.

use inventory_tests::{Gateway, Pg};
use serde_json::{Value, json};

pub async fn products_come_change_and_go(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let admin = &gateway.admin;
    let lamp = json!({"name": "Desk lamp"});
    let new = admin.put("/v1/products/LAMP-01", &lamp).await;
    let shown = json!({
        "sku": "LAMP-01", "name": "Desk lamp", "low_stock_threshold": null, "lot_controlled": false,
        "unit": "each", "attributes": {},
    });
    assert_eq!(new.is(201), shown);
    assert_eq!(admin.get("/v1/products/LAMP-01").await.is(200), shown);
    let milk = json!({
        "name": "Milk", "low_stock_threshold": 5, "lot_controlled": true, "unit": "bottle",
        "attributes": {"fat": 3.8, "of": ["cow", null], "\u{e4}": {"\u{1f95b}": true}},
    });
    let changed = admin.put("/v1/products/LAMP-01", &milk).await.is(200);
    for (name, value) in milk.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(admin.get("/v1/products/LAMP-01").await.is(200), changed);
    // Any character that is printed may be in a SKU; the path says it in UTF-8.
    let odd = "/v1/products/a%20%2F%3F%25%22%27%C3%A4%F0%9F%92%A1";
    assert_eq!(admin.put(odd, &lamp).await.is(201)["sku"], "a /?%\"'\u{e4}\u{1f4a1}");
    assert_eq!(admin.get(odd).await.is(200)["name"], "Desk lamp");
    assert_eq!(admin.delete(odd).await.is(204), Value::Null);
    let gone = admin.get(odd).await.refuses(404, "unknown_sku", "is not known");
    assert_eq!(gone["sku"], "a /?%\"'\u{e4}\u{1f4a1}");
    admin.delete(odd).await.refuses(404, "unknown_sku", "");
    gateway.operator.get("/v1/products/LAMP-01").await.is(200);
    gateway.logged_no_failure();
}

pub async fn products_that_make_no_sense(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let admin = &gateway.admin;
    let lamp = json!({"name": "Desk lamp"});
    let long = "x".repeat(65);
    for sku in [long.as_str(), "%00", "a%0Ab", "%7F"] {
        admin.put(&format!("/v1/products/{sku}"), &lamp).await.refuses(422, "invalid_argument", "");
        let read = admin.get(&format!("/v1/products/{sku}")).await;
        assert!(matches!(read.status, 404 | 422), "{sku}: {}", read.status);
    }
    admin.put("/v1/products/%FF%FE", &lamp).await.refuses(422, "invalid_argument", "path");
    for body in [
        json!({"name": ""}),
        json!({"name": "x".repeat(201)}),
        json!({"name": "a\u{0}b"}),
        json!({"name": "a\nb"}),
        json!({"name": "Lamp", "unit": ""}),
        json!({"name": "Lamp", "low_stock_threshold": -1}),
        json!({"name": "Lamp", "low_stock_threshold": 1_000_000_000_001_i64}),
        json!({"name": "Lamp", "attributes": {"a\u{0}": 1}}),
        json!({"name": "Lamp", "attributes": {"a": "x".repeat(1_000_000)}}),
    ] {
        let refused = admin.put("/v1/products/LAMP", &body).await;
        refused.refuses(422, "invalid_argument", "");
    }
    admin.get("/v1/products/LAMP").await.refuses(404, "unknown_sku", "LAMP");
    admin.put("/v1/products/LAMP", &lamp).await.is(201);
    gateway.operator.post("/v1/receipts", &json!({"sku": "LAMP", "quantity": 1})).await.is(201);
    admin.delete("/v1/products/LAMP").await.refuses(409, "in_use", "LAMP");
    let controlled = json!({"name": "Lamp", "lot_controlled": true});
    admin.put("/v1/products/LAMP", &controlled).await.refuses(409, "in_use", "");
    gateway.logged_no_failure();
}

pub async fn warehouses_come_change_and_go(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let admin = &gateway.admin;
    let north = json!({"code": "NORTH", "name": "North"});
    let shown = json!({"warehouse_id": 2, "code": "NORTH", "name": "North"});
    assert_eq!(admin.put("/v1/warehouses/2", &north).await.is(201), shown);
    assert_eq!(admin.put("/v1/warehouses/2", &north).await.is(200), shown);
    let taken = admin.put("/v1/warehouses/3", &north).await;
    taken.refuses(422, "invalid_argument", "NORTH");
    for id in ["0", "1000", "-1", "99999999999", "two", "1.0"] {
        let path = format!("/v1/warehouses/{id}");
        admin.put(&path, &north).await.refuses(422, "invalid_argument", "");
    }
    let listed = admin.get("/v1/warehouses").await.is(200);
    assert_eq!(listed["data"][0]["code"], "MAIN");
    assert_eq!(listed["data"][1], shown);
    assert_eq!(listed["next_cursor"], Value::Null);
    db.stock(&[("LAMP", 0)]).await;
    let receipt = json!({"sku": "LAMP", "quantity": 1, "warehouse_id": 2});
    gateway.operator.post("/v1/receipts", &receipt).await.is(201);
    admin.delete("/v1/warehouses/2").await.refuses(409, "in_use", "2");
    admin.put("/v1/warehouses/3", &json!({"code": "S", "name": "South"})).await.is(201);
    admin.delete("/v1/warehouses/3").await.is(204);
    admin.delete("/v1/warehouses/3").await.refuses(404, "unknown_warehouse", "3");
    gateway.logged_no_failure();
}
