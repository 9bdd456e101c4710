//! `Idempotency-Key`: what makes a command safe to repeat.

use inventory_tests::{Client, Connection, Gateway, Pg, Reply, Request};
use serde_json::{Value, json};

fn sale(units: i64) -> Request {
    Request::post("/v1/deductions", &json!({"sku": "LAMP", "quantity": units}))
}

fn is_a_repeat(reply: &Reply) -> bool {
    let told = reply.json()["replayed"] == true;
    assert_eq!(told, reply.header("idempotent-replayed") == Some("true"), "{}", reply.text());
    told
}

/// But for what says that it is a repeat.
fn content(reply: &Reply) -> Value {
    let mut content = reply.json();
    strip(&mut content);
    content
}

fn strip(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.remove("replayed");
        object.values_mut().for_each(strip);
    }
}

pub async fn a_repeat_gets_the_first_answer(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    let first = operator.send(sale(3).once("k1")).await;
    first.is(201);
    assert!(!is_a_repeat(&first));
    assert_eq!(first.header("idempotency-key"), Some("k1"));
    operator.send(sale(4).once("k2")).await.is(201);
    for _ in 0..3 {
        let again = operator.send(sale(3).once("k1")).await;
        again.is(201);
        assert!(is_a_repeat(&again));
        assert_eq!(content(&again), content(&first), "the levels of then");
    }
    // Many at once under a key that is new: one effect, one answer.
    let crowd = (0..50).map(|_| operator.send(sale(2).once("k3")));
    let crowd = futures::future::join_all(crowd).await;
    assert!(crowd.iter().all(|reply| reply.status == 201 && content(reply) == content(&crowd[0])));
    assert_eq!(crowd.iter().filter(|reply| !is_a_repeat(reply)).count(), 1);
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 1);
    // A refusal is no effect: it is decided afresh.
    operator.send(sale(5).once("k4")).await.refuses(400, "insufficient_stock", "");
    db.stock(&[("LAMP", 10)]).await;
    let late = operator.send(sale(5).once("k4")).await;
    assert!(late.status == 201 && !is_a_repeat(&late));
    db.verify_is_clean().await;
}

pub async fn a_repeat_after_the_answer_was_lost(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let request = gateway.operator.signed(&sale(3).once("lost"));
    let mut connection = Connection::open(gateway.address).await.unwrap();
    // Two in a row on one line, of which nobody reads an answer.
    for _ in 0..2 {
        use tokio::io::AsyncWriteExt;
        connection.stream.write_all(&request.bytes(gateway.address)).await.unwrap();
    }
    drop(connection);
    let again = gateway.operator.send(sale(3).once("lost")).await;
    assert_eq!(again.is(201)["lines"][0]["on_hand"], 7);
    assert_eq!(gateway.operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 7);
    // Also by another gateway, after the first is gone.
    drop(gateway);
    let other = Gateway::before(&db).await;
    let again = other.operator.send(sale(3).once("lost")).await;
    assert!(again.status == 201 && is_a_repeat(&again));
    db.verify_is_clean().await;
}

pub async fn a_key_stands_for_one_content(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10), ("BULB", 10)]).await;
    let operator = &gateway.operator;
    operator.send(sale(3).once("k1")).await.is(201);
    let bulb = Request::post("/v1/deductions", &json!({"sku": "BULB", "quantity": 3}));
    for other in [sale(4), bulb] {
        let refused = operator.send(other.once("k1")).await;
        refused.refuses(422, "request_id_reused", "");
        assert_eq!(refused.header("idempotency-key"), Some("k1"));
    }
    // The same content in other words is the same content.
    let same = Request::new("POST", "/v1/deductions")
        .header("Content-Type", "application/json; charset=utf-8");
    let same = same.text(" {\"quantity\": 3,\n \"warehouse_id\": 1, \"sku\": \"LAM\\u0050\"}");
    let same = operator.send(same.once("k1")).await;
    assert!(same.status == 201 && is_a_repeat(&same), "{}", same.text());
    let line = Request::post("/v1/deductions", &json!({"lines": [{"sku": "LAMP", "quantity": 3}]}));
    let line = operator.send(line.once("k1")).await;
    assert!(line.status == 201 && is_a_repeat(&line), "{}", line.text());
    db.verify_is_clean().await;
}

pub async fn a_quoted_key_is_the_bare_one(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    for (first, second) in [
        ("abc", "\"abc\""),
        ("\"with \\\"quotes\\\" and \\\\\"", "\"with \\\"quotes\\\" and \\\\\""),
        ("a b,c;d", "\"a b,c;d\""),
    ] {
        assert!(!is_a_repeat(&operator.send(sale(1).once(first)).await), "{first}");
        assert!(is_a_repeat(&operator.send(sale(1).once(second)).await), "{second}");
    }
}

pub async fn whoever_has_no_key_is_given_one(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    let operator = &gateway.operator;
    let first = operator.send(sale(1)).await;
    let given = first.header("idempotency-key").expect("a key").to_owned();
    let second = operator.send(sale(1)).await;
    assert_ne!(second.header("idempotency-key"), Some(given.as_str()));
    let again = operator.send(sale(1).once(&given)).await;
    assert!(is_a_repeat(&again));
    assert_eq!(content(&again), content(&first));
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 8);
    // A refusal names it too.
    let refused = operator.send(sale(99)).await;
    assert!(refused.header("idempotency-key").is_some());
}

pub async fn keys_are_a_principal_s_and_a_route_s_own(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 10)]).await;
    for client in [&gateway.operator, &gateway.admin] {
        let sold = client.send(sale(1).once("k")).await;
        assert!(sold.status == 201 && !is_a_repeat(&sold));
        let receipt = Request::post("/v1/receipts", &json!({"sku": "LAMP", "quantity": 1}));
        let received = client.send(receipt.once("k")).await;
        assert!(received.status == 201 && !is_a_repeat(&received));
    }
    assert_eq!(gateway.operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 10);
}

pub async fn keys_that_are_none(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 300)]).await;
    let operator = &gateway.operator;
    let long = "x".repeat(256);
    for key in ["", " ", "\"\"", "\"open", "\"a\"b\"", "\u{e4}", "a\tb", &long] {
        let refused = operator.send(sale(1).once(key)).await;
        refused.refuses(422, "invalid_argument", "Idempotency-Key");
    }
    operator.send(sale(1).once("a").once("b")).await.refuses(422, "invalid_argument", "");
    operator.send(sale(1).once(&long[1..])).await.is(201);
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 299);
}

/// Every POST there is, on goods that are there for all of them.
async fn commands(operator: &Client) -> Vec<(String, Value)> {
    let mut holds = Vec::new();
    for _ in 0..2 {
        let lines = json!({"lines": [{"sku": "LAMP", "quantity": 1}]});
        let held = operator.post("/v1/reservations", &lines).await.is(201);
        holds.push(held["reservation_id"].as_str().unwrap().to_owned());
    }
    let mut orders = Vec::new();
    for _ in 0..2 {
        let lines = json!([{"sku": "LAMP", "quantity": 1}]);
        let order = json!({"direction": "outbound", "lines": lines});
        let order = operator.post("/v1/orders", &order).await.is(201);
        orders.push(order["order_no"].as_str().unwrap().to_owned());
    }
    let [hold, other] = &holds[..] else { panic!() };
    let [order, lost] = &orders[..] else { panic!() };
    let goods = json!({"sku": "LAMP", "quantity": 2});
    let line = json!({"lines": [{"sku": "LAMP", "quantity": 1}]});
    let why = json!({"reason": "why"});
    [
        ("/v1/receipts", goods.clone()),
        ("/v1/deductions", goods.clone()),
        ("/v1/adjustments", json!({"sku": "LAMP", "delta": -1, "reason": "broken"})),
        (
            "/v1/transfers",
            json!({"sku": "LAMP", "quantity": 1, "from_warehouse": 1, "to_warehouse": 2}),
        ),
        ("/v1/reservations", line),
        (&format!("/v1/reservations/{hold}/confirm"), json!({})),
        (&format!("/v1/reservations/{other}/release"), json!({})),
        ("/v1/orders", json!({"direction": "outbound", "lines": [goods]})),
        (&format!("/v1/orders/{order}/start"), json!({})),
        (&format!("/v1/orders/{order}/complete"), json!({})),
        (&format!("/v1/orders/{order}/revert"), why.clone()),
        (&format!("/v1/orders/{lost}/fail"), why),
    ]
    .map(|(path, body)| (path.to_owned(), body))
    .to_vec()
}

pub async fn every_command_is_safe_to_repeat(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    db.stock(&[("LAMP", 100)]).await;
    gateway.admin.put("/v1/warehouses/2", &json!({"code": "N", "name": "North"})).await.is(201);
    let operator = &gateway.operator;
    let commands = commands(operator).await;
    let mut first = Vec::new();
    for (path, body) in &commands {
        let told = operator.send(Request::post(path, body).once("k")).await;
        assert!(told.status < 300 && !is_a_repeat(&told), "{path}: {}", told.text());
        first.push(told);
    }
    // Not of every table: keys are noted as used meanwhile.
    let state = "SELECT (SELECT count(*) FROM inventory.journal), (SELECT count(*) FROM inventory.request), \
        (SELECT md5(string_agg(s::text, '/' ORDER BY s::text)) FROM inventory.stock AS s)";
    let before = db.owner().await.text(state).await;
    for ((path, body), first) in commands.iter().zip(&first) {
        let again = operator.send(Request::post(path, body).once("k")).await;
        assert_eq!(again.status, first.status, "{path}: {}", again.text());
        assert!(is_a_repeat(&again), "{path}");
        assert_eq!(content(&again), content(first), "{path}");
        assert_eq!(again.header("location"), first.header("location"), "{path}");
    }
    assert_eq!(db.owner().await.text(state).await, before, "a repeat changes nothing");
    db.verify_is_clean().await;
}

/// Nobody waits for the row of what is sold out, with a key or without; and whoever had it before has it still.
pub async fn what_is_sold_out_is_refused_at_the_door_but_for_repeats(pg: Pg) {
    let db = pg.database().await;
    let settings = ["--zero-window-ms", "5000", "--lock-wait-ms", "300"];
    let gateway = Gateway::with(&db, &settings).await;
    db.stock(&[("LAMP", 2)]).await;
    let operator = &gateway.operator;
    let first = operator.send(sale(2).once("first")).await;
    first.is(201);
    let mut holder = db.owner().await;
    // On a slow machine what the database said may be too old by then; it says it again.
    let mut tries = 0;
    loop {
        operator.send(sale(1)).await.refuses(400, "insufficient_stock", "");
        holder.run("BEGIN; SELECT FROM inventory.stock WHERE sku = 'LAMP' FOR UPDATE").await;
        let refused = operator.send(sale(1).once("second")).await;
        holder.run("ROLLBACK").await;
        if refused.status == 400 {
            refused.refuses(400, "insufficient_stock", "requested 1 units, available: 0");
            assert_eq!(refused.header("idempotency-key"), Some("second"));
            break;
        }
        tries += 1;
        assert!(tries < 20, "{}", refused.text());
    }
    let crowd = (0..20).map(|_| operator.send(sale(2).once("first")));
    for again in futures::future::join_all(crowd).await {
        again.is(201);
        assert!(is_a_repeat(&again));
        assert_eq!(content(&again), content(&first));
    }
    operator.send(sale(1).once("first")).await.refuses(422, "request_id_reused", "");
    assert_eq!(operator.get("/v1/stock/LAMP").await.is(200)["on_hand"], 0);
    db.verify_is_clean().await;
}
