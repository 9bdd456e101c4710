//! Nonsense, slowly and in masses: the gateway answers or hangs up, and stays as it was.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::http::says_no_sql;
use inventory_tests::{
    Connection, Dice, Gateway, Pg, Reply, Request, Verdict, promises, skipped, soak,
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

promises!(
    once: random_bytes_on_the_line,
    what_is_no_request_is_told_so,
    random_paths_headers_and_bodies,
    bodies_that_are_almost_right,
    heads_beyond_all_limits,
    clients_that_dawdle,
    thousands_who_say_nothing,
);

fn rounds(few: usize) -> usize {
    if soak() { few * 50 } else { few }
}

/// `INVENTORY_SEED=n` throws other dice.
fn seed() -> u64 {
    std::env::var("INVENTORY_SEED").ok().and_then(|n| n.parse().ok()).unwrap_or(1)
}

fn bytes(dice: &mut Dice, most: usize) -> Vec<u8> {
    (0..dice.below(most)).map(|_| u8::try_from(dice.below(256)).unwrap()).collect()
}

/// Asserts an answer that nonsense may get.
#[track_caller]
fn is_sane(reply: &Reply, said: &str) {
    let sane = matches!(reply.status, 200..=499 | 503);
    assert!(sane, "{said:?} got {}: {}", reply.status, reply.text());
    if reply.status >= 400 {
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{said:?}");
        assert_eq!(reply.json()["status"], reply.status, "{said:?}");
        says_no_sql(&reply.text());
    }
}

/// Asserts that nothing is left of what was done to it.
async fn is_well(gateway: &Gateway) {
    assert_eq!(gateway.reader.get("/readyz").await.status, 200, "{}", gateway.log());
    gateway.operator.post("/v1/receipts", &json!({"sku": "A", "quantity": 1})).await.is(201);
    gateway.logged_no_failure();
}

async fn set_up(pg: &Pg, arguments: &[&str]) -> Gateway {
    let db = pg.database().await;
    db.stock(&[("A", 1_000_000)]).await;
    Gateway::with(&db, arguments).await
}

/// What comes back until the other side hangs up or says nothing more.
async fn throw(gateway: &Gateway, bytes: &[u8]) -> Vec<u8> {
    let mut line = Connection::open(gateway.address).await.unwrap();
    let _ = line.stream.write_all(bytes).await; // it may have hung up already
    let _ = line.stream.shutdown().await;
    let mut told = Vec::new();
    let reading = line.stream.read_to_end(&mut told);
    let _ = tokio::time::timeout(Duration::from_secs(30), reading).await.expect("it hangs up");
    told
}

async fn random_bytes_on_the_line(pg: Pg) {
    let gateway = set_up(&pg, &[]).await;
    let mut dice = Dice::new(seed());
    let prefixes: [&[u8]; 6] = [
        b"",
        b"GET / HTTP/1.1\r\n",
        b"POST /v1/deductions HTTP/1.1\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"GET /v1/stock/",
    ];
    for _ in 0..rounds(400) {
        let prefix = *dice.pick(&prefixes);
        let said = [prefix, &bytes(&mut dice, 400), b"\r\n\r\n"].concat();
        let told = throw(&gateway, &said).await;
        let first = String::from_utf8_lossy(&told);
        let status = first.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        let bad = status.is_some_and(|status| status.starts_with('5') && status != "503");
        assert!(!bad, "{:?} got {first}", String::from_utf8_lossy(&said));
        let refused = status.is_some_and(|status| status >= "400");
        assert!(!refused || first.contains("application/problem+json"), "{first}");
    }
    is_well(&gateway).await;
}

/// Also what never became a request, behind one that did.
async fn what_is_no_request_is_told_so(pg: Pg) {
    let gateway = set_up(&pg, &[]).await;
    let good = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let many: String = (0..101).map(|n| format!("X-{n}: 1\r\n")).collect();
    for (bad, status, code) in [
        ("GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(), "400", "unreadable_body"),
        ("nonsense\r\n\r\n".to_owned(), "400", "unreadable_body"),
        (format!("GET / HTTP/1.1\r\n{many}\r\n"), "431", "head_too_large"),
    ] {
        for before in ["", good] {
            let told = throw(&gateway, format!("{before}{bad}").as_bytes()).await;
            let told = String::from_utf8_lossy(&told).into_owned();
            let last =
                &told[told.rfind("HTTP/1.1 4").unwrap_or_else(|| panic!("{bad:.40}: {told}"))..];
            assert_eq!(last.get(9..12), Some(status), "{bad:.40}: {told}");
            let (head, body) = last.split_once("\r\n\r\n").unwrap();
            assert!(head.contains("content-type: application/problem+json"), "{told}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{told}");
            let document: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (&document["code"], &document["status"]),
                (&json!(code), &json!(status.parse::<u16>().unwrap()))
            );
            assert_eq!(told.starts_with("HTTP/1.1 200"), !before.is_empty(), "{told}");
        }
    }
    is_well(&gateway).await;
}

const ROUTES: [(&str, &str); 20] = [
    ("GET", "/v1/products/"),
    ("PUT", "/v1/products/"),
    ("GET", "/v1/stock/"),
    ("GET", "/v1/stock?cursor="),
    ("GET", "/v1/orders?external_ref="),
    ("GET", "/v1/orders/"),
    ("GET", "/v1/audit?sku="),
    ("GET", "/v1/audit?from="),
    ("GET", "/v1/reservations/"),
    ("GET", "/v1/sagas/"),
    ("GET", "/v1/sagas?cursor="),
    ("GET", "/v1/sagas?status="),
    ("GET", "/v1/repairs?cursor="),
    ("GET", "/v1/repairs?status="),
    ("POST", "/v1/repairs/"),
    ("POST", "/v1/deductions?"),
    ("POST", "/v1/receipts"),
    ("POST", "/v1/orders/"),
    ("DELETE", "/v1/warehouses/"),
    ("GET", "/docs/"),
];

fn escaped(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02X}")).collect()
}

/// Bytes that a header may have.
fn printable(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| char::from(b' ' + byte % 95)).collect()
}

async fn random_paths_headers_and_bodies(pg: Pg) {
    let gateway = set_up(&pg, &[]).await;
    let mut dice = Dice::new(seed());
    let (mut early, mut line) = (0, Connection::open(gateway.address).await.unwrap());
    for round in 0..rounds(1_500) {
        let (method, path) = *dice.pick(&ROUTES);
        let path = format!("{path}{}", escaped(&bytes(&mut dice, 40)));
        let mut request = Request::new(method, &path);
        let header =
            ["Idempotency-Key", "If-Match", "traceparent", "X-Odd", "If-None-Match", "Accept"];
        let header = dice.pick(&header);
        request = request.header(header, printable(&bytes(&mut dice, 60)).trim());
        if method != "GET" {
            request = request.header("Content-Type", "application/json");
            request.body = bytes(&mut dice, 200);
        }
        let request = gateway.admin.signed(&request);
        match line.send(&request).await {
            Ok(reply) => is_sane(&reply, &path),
            Err(_) => line = Connection::open(gateway.address).await.unwrap(),
        }
        if round == rounds(1_500) / 3 {
            early = gateway.resident();
        }
    }
    is_well(&gateway).await;
    has_not_grown(&gateway, early);
}

/// A tenth and a few pages of the allocator's.
#[track_caller]
fn has_not_grown(gateway: &Gateway, from: u64) {
    let now = gateway.resident();
    let most = from + from / 10 + 8 * 1024 * 1024;
    assert!(now < most, "it grew from {from} to {now} bytes");
}

/// A value that is none of those that were meant.
fn odd(dice: &mut Dice, depth: u32) -> Value {
    match dice.below(if depth > 4 { 9 } else { 12 }) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(i64::MIN),
        3 => json!(u64::MAX),
        4 => json!(-1.5e300),
        5 => json!("a\u{0}b"),
        6 => json!("x".repeat(dice.below(300))),
        7 => json!(printable(&bytes(dice, 70))),
        8 => json!(dice.below(20)),
        9 => json!([odd(dice, depth + 1), odd(dice, depth + 1)]),
        10 => json!({"sku": odd(dice, depth + 1), "quantity": odd(dice, depth + 1)}),
        _ => json!({"": odd(dice, depth + 1)}),
    }
}

async fn bodies_that_are_almost_right(pg: Pg) {
    let gateway = set_up(&pg, &[]).await;
    let mut dice = Dice::new(seed());
    let bodies = [
        (
            "POST",
            "/v1/deductions",
            json!({"sku": "A", "quantity": 1, "warehouse_id": 1, "lot": null, "reason": "x"}),
        ),
        ("POST", "/v1/deductions", json!({"lines": [{"sku": "A", "quantity": 1}]})),
        ("POST", "/v1/receipts", json!({"sku": "A", "quantity": 1, "expires_on": null})),
        ("POST", "/v1/adjustments", json!({"sku": "A", "delta": 1, "reason": "x"})),
        (
            "POST",
            "/v1/transfers",
            json!({"sku": "A", "quantity": 1, "from_warehouse": 1, "to_warehouse": 2}),
        ),
        (
            "POST",
            "/v1/reservations",
            json!({"lines": [{"sku": "A", "quantity": 1}], "ttl_seconds": 60}),
        ),
        (
            "POST",
            "/v1/orders",
            json!({"direction": "outbound", "lines": [{"sku": "A", "quantity": 1}], "external_ref": "x"}),
        ),
        (
            "PUT",
            "/v1/products/B",
            json!({"name": "B", "unit": "each", "attributes": {}, "low_stock_threshold": 1}),
        ),
        ("PUT", "/v1/warehouses/7", json!({"code": "C", "name": "N"})),
        ("PUT", "/v1/stock/A/on-hand", json!({"counted": 5, "reason": "x"})),
        ("PUT", "/v1/hot/A", json!({"hot": true})),
        (
            "POST",
            "/v1/sagas",
            json!({"saga": "outbound_order", "input": {"lines": [{"sku": "A", "quantity": 1}]}}),
        ),
    ];
    let mut line = Connection::open(gateway.address).await.unwrap();
    let mut early = 0;
    for round in 0..rounds(2_000) {
        let (method, path, body) = dice.pick(&bodies);
        let mut body = body.clone();
        let fields: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
        let field = dice.pick(&fields).clone();
        body[&field] = odd(&mut dice, 0);
        let request = Request::new(method, path).json(&body).header("If-Match", "*");
        let reply = line.send(&gateway.admin.signed(&request)).await.unwrap();
        is_sane(&reply, &body.to_string());
        if round == rounds(2_000) / 3 {
            early = gateway.resident();
        }
    }
    is_well(&gateway).await;
    has_not_grown(&gateway, early);
}

async fn heads_beyond_all_limits(pg: Pg) {
    let gateway = set_up(&pg, &[]).await;
    let long = "x".repeat(100_000);
    let many: String = (0..200).map(|n| format!("X-{n}: 1\r\n")).collect();
    for head in [
        format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {long}\r\n\r\n"),
        format!("GET / HTTP/1.1\r\nHost: a\r\n{many}\r\n"),
        format!("{long} / HTTP/1.1\r\nHost: a\r\n\r\n"),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "POST /v1/deductions HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n".to_owned(),
        "POST /v1/deductions HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n".to_owned(),
        "POST /v1/deductions HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello".to_owned(),
        "POST /v1/deductions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n".to_owned(),
        "POST /v1/deductions HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n".to_owned(),
    ] {
        let told = throw(&gateway, head.as_bytes()).await;
        let told = String::from_utf8_lossy(&told);
        let refused = told.is_empty() || told.starts_with("HTTP/1.1 4");
        assert!(refused, "{} got {told}", &head[..head.len().min(80)]);
    }
    is_well(&gateway).await;
}

/// Reads until the other side hangs up; fails the test when it does not.
async fn until_hung_up(mut line: Connection) -> String {
    let mut told = Vec::new();
    let reading = line.stream.read_to_end(&mut told);
    let read = tokio::time::timeout(Duration::from_secs(30), reading).await;
    assert!(read.is_ok(), "it keeps the line");
    String::from_utf8_lossy(&told).into_owned()
}

async fn clients_that_dawdle(pg: Pg) {
    let gateway = set_up(&pg, &["--header-timeout-ms", "400", "--request-timeout-ms", "800"]).await;
    let key = gateway.operator.key.clone().unwrap();
    for said in [
        "",
        "G",
        "PRI * HT",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "GET /healthz HTTP/1.1\r\nHost: a\r\nX",
    ] {
        let mut line = Connection::open(gateway.address).await.unwrap();
        line.stream.write_all(said.as_bytes()).await.unwrap();
        let told = until_hung_up(line).await;
        assert!(!told.contains(" 500 "), "{said:?} got {told}");
    }
    // A head that comes byte by byte, and never ends.
    let mut line = Connection::open(gateway.address).await.unwrap();
    let begun = Instant::now();
    while line.stream.write_all(b"x").await.is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it reads for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // A body that does.
    let head = format!(
        "POST /v1/receipts HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{{"
    );
    let mut line = Connection::open(gateway.address).await.unwrap();
    line.stream.write_all(head.as_bytes()).await.unwrap();
    let request = Request::new("POST", "/v1/receipts");
    let told = line.receive(&request).await.unwrap();
    told.refuses(408, "request_timeout", "");
    // One that is sent and not read: the answers wait for a while, not for ever.
    let mut lines = Vec::new();
    for _ in 0..20 {
        let mut line = Connection::open(gateway.address).await.unwrap();
        let ask =
            gateway.reader.signed(&Request::new("GET", "/openapi.json")).bytes(gateway.address);
        for _ in 0..20 {
            let _ =
                tokio::time::timeout(Duration::from_millis(20), line.stream.write_all(&ask)).await;
        }
        lines.push(line);
    }
    drop(lines);
    is_well(&gateway).await;
}

/// As many as this machine allows, ten thousand at most.
fn most_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let allowed = limit.maximum.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
    // Both PostgreSQLs' turns may come at the same time, in one process.
    (allowed / 2).saturating_sub(500).min(10_000)
}

async fn thousands_who_say_nothing(pg: Pg) -> Verdict {
    let many = most_files();
    if many < 1_000 {
        return skipped(format!("only {many} files may be open (ulimit -n)"));
    }
    let gateway = set_up(&pg, &["--header-timeout-ms", "600000"]).await;
    is_well(&gateway).await;
    let before = gateway.resident();
    let mut lines = Vec::with_capacity(many);
    while lines.len() < many {
        let more = (0..100).map(|_| Connection::open(gateway.address));
        lines.extend(join_all(more).await.into_iter().map(Result::unwrap));
    }
    // Half of them have asked something before they fell silent.
    let ask = Request::new("GET", "/healthz");
    for line in lines.iter_mut().step_by(2) {
        assert_eq!(line.send(&ask).await.unwrap().status, 200);
    }
    is_well(&gateway).await;
    let each = gateway.resident().saturating_sub(before) / u64::try_from(many).unwrap();
    assert!(each < 64 * 1024, "{each} bytes for each of {many}");
    drop(lines);
    let begun = Instant::now();
    while open_files(&gateway) > 200 {
        assert!(begun.elapsed() < Duration::from_secs(60), "it keeps {}", open_files(&gateway));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    is_well(&gateway).await;
    Verdict::Passed
}

fn open_files(gateway: &Gateway) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", gateway.pid())).map_or(0, Iterator::count)
}
