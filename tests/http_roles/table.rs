//! The table of routes and roles. What is asked for does not exist or is not valid, so what passes the
//! door is told so: 2xx, 404, 409, 422 or 428, never 401 or 403.

use std::collections::BTreeSet;

use inventory_tests::{Client, Gateway, Pg, Request};
use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Needs {
    Anybody,
    Reader,
    Operator,
    Admin,
}

use Needs::{Admin, Anybody, Operator, Reader};

/// Method and route as the document names them, who may, and what they get.
const TABLE: &[(&str, &str, Needs, u16)] = &[
    ("GET", "/healthz", Anybody, 200),
    ("GET", "/readyz", Anybody, 200),
    ("GET", "/metrics", Anybody, 200),
    ("GET", "/v1/products", Reader, 200),
    ("GET", "/v1/products/{sku}", Reader, 404),
    ("PUT", "/v1/products/{sku}", Admin, 422),
    ("DELETE", "/v1/products/{sku}", Admin, 404),
    ("GET", "/v1/warehouses", Reader, 200),
    ("PUT", "/v1/warehouses/{id}", Admin, 422),
    ("DELETE", "/v1/warehouses/{id}", Admin, 404),
    ("GET", "/v1/stock", Reader, 200),
    ("GET", "/v1/stock/{sku}", Reader, 404),
    ("PUT", "/v1/stock/{sku}/on-hand", Operator, 422),
    ("POST", "/v1/receipts", Operator, 422),
    ("POST", "/v1/deductions", Operator, 422),
    ("GET", "/v1/deductions/{token}", Reader, 404),
    ("POST", "/v1/adjustments", Operator, 422),
    ("POST", "/v1/transfers", Operator, 422),
    ("POST", "/v1/reservations", Operator, 422),
    ("GET", "/v1/reservations/{id}", Reader, 404),
    ("POST", "/v1/reservations/{id}/confirm", Operator, 404),
    ("POST", "/v1/reservations/{id}/release", Operator, 404),
    ("POST", "/v1/orders", Operator, 422),
    ("GET", "/v1/orders", Reader, 200),
    ("GET", "/v1/orders/{order_no}", Reader, 404),
    ("POST", "/v1/orders/{order_no}/start", Operator, 404),
    ("POST", "/v1/orders/{order_no}/complete", Operator, 404),
    ("POST", "/v1/orders/{order_no}/fail", Operator, 422),
    ("POST", "/v1/orders/{order_no}/revert", Operator, 422),
    ("POST", "/v1/sagas", Operator, 422),
    ("GET", "/v1/sagas", Reader, 200),
    ("GET", "/v1/sagas/{id}", Reader, 404),
    ("POST", "/v1/sagas/{id}/retry", Operator, 404),
    ("GET", "/v1/audit", Reader, 200),
    ("GET", "/v1/events", Reader, 422),
    ("POST", "/v1/events/tickets", Reader, 201),
    ("GET", "/v1/outbox", Reader, 200),
    ("POST", "/v1/outbox/{id}/redrive", Operator, 422),
    ("GET", "/v1/repairs", Reader, 200),
    ("POST", "/v1/repairs/{id}/confirm", Operator, 422),
    ("POST", "/v1/repairs/{id}/reject", Operator, 422),
    ("POST", "/v1/repairs/{id}/run", Operator, 422),
    ("GET", "/v1/hot", Reader, 200),
    ("PUT", "/v1/hot/{sku}", Admin, 422),
];

/// Not in the document, which is what they show or ask by.
const BESIDE: [&str; 3] = ["/openapi.json", "/docs/", "/console/"];

fn path_of(route: &str) -> String {
    let warehouse = route.contains("warehouses");
    let id = if warehouse { "999" } else { "99999999-9999-4999-8999-999999999999" };
    let order = "20240520123001001000001";
    if route == "/v1/events" {
        // A stream would not end.
        return format!("{route}?topic=none");
    }
    let route = route.replace("{token}", id);
    route.replace("{sku}", "NONE").replace("{id}", id).replace("{order_no}", order)
}

pub async fn every_route_for_every_role(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let document = gateway.reader.get("/openapi.json").await.is(200);
    assert_eq!(of_the_document(&document), of_the_table(), "a row for each route");
    let nobody = gateway.reader.without_key();
    let roles = [(Reader, &gateway.reader), (Operator, &gateway.operator), (Admin, &gateway.admin)];
    for (method, route, needs, expected) in TABLE.iter().copied() {
        let request = Request::new(method, &path_of(route));
        let request = if method == "GET" { request } else { request.json(&json!({})) };
        let unknown = nobody.send(request.clone()).await;
        match needs {
            Anybody => assert_eq!(unknown.status, expected, "{method} {route}"),
            _ => drop(unknown.refuses(401, "unauthorized", "Bearer")),
        }
        for (role, client) in roles {
            let told = client.send(request.clone()).await;
            match role >= needs {
                true => {
                    assert_eq!(told.status, expected, "{method} {route} {role:?}: {}", told.text())
                }
                false => drop(told.refuses(403, "forbidden", "role")),
            }
        }
        in_the_document(&document, method, route, needs, expected);
    }
    for path in BESIDE {
        let shown = nobody.get(path).await;
        assert!(shown.status < 400, "{path}: {}", shown.text());
    }
    gateway.logged_no_failure();
}

/// The answers that were seen are documented.
fn in_the_document(document: &Value, method: &str, route: &str, needs: Needs, expected: u16) {
    let responses = &document["paths"][route][method.to_lowercase()]["responses"];
    for status in
        [Some(expected), (needs > Anybody).then_some(401), (needs > Reader).then_some(403)]
    {
        let Some(status) = status else { continue };
        assert!(
            responses.get(status.to_string()).is_some(),
            "{method} {route} {status} is not documented"
        );
    }
}

fn of_the_table() -> BTreeSet<String> {
    TABLE.iter().map(|(method, route, ..)| format!("{method} {route}")).collect()
}

fn of_the_document(document: &Value) -> BTreeSet<String> {
    let paths = document["paths"].as_object().unwrap();
    let each = paths.iter().flat_map(|(route, methods)| {
        let methods = methods.as_object().unwrap().keys();
        methods.map(move |method| format!("{} {route}", method.to_uppercase()))
    });
    each.collect()
}

/// For the other files here.
pub async fn may_read(client: &Client) -> bool {
    let told = client.get("/v1/warehouses").await;
    match told.status {
        200 => true,
        _ => {
            told.refuses(401, "unauthorized", "");
            assert!(told.header("www-authenticate").is_some_and(|how| how.starts_with("Bearer")));
            false
        }
    }
}
