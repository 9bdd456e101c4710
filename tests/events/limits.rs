//! However many listen, and however slowly: the journal has one reader, and nobody pays for another.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use inventory_tests::gateway::{create_key, key_of};
use inventory_tests::{Client, Gateway, Listener, Pg, Request};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};

/// Polls until it comes true; fails the test after a minute.
async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(60), "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn metric(client: &Client, name: &str) -> f64 {
    let text = client.get("/metrics").await.text();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")));
    line.and_then(|value| value.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}

pub async fn one_reader_for_all(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    let gateway = Gateway::before(&db).await;
    let mut owner = db.owner().await;
    let readers = "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE query ~ 'read_events' \
        AND application_name = 'inventory gateway' AND datname = pg_catalog.current_database()";
    owner.check(readers, "0").await;
    let mut listeners = Vec::new();
    for _ in 0..50 {
        let mut listener = gateway.reader.listen("topic=StockDeducted", None).await;
        listener.until_placed().await;
        listeners.push(listener);
    }
    db.operator().await.run("SELECT inventory.deduct('A', 1, reason => 'all hear')").await;
    for listener in &mut listeners {
        listener.until("all hear").await;
    }
    owner.check(readers, "1").await;
    until("50 listen", async || metric(&gateway.reader, "inventory_event_clients").await == 50.0)
        .await;
    let read = metric(&gateway.reader, "inventory_events_total{topic=\"StockDeducted\"}").await;
    assert_eq!(read, 1.0, "it was read once for all");
    // Nobody reads for nobody.
    drop(listeners);
    owner.until(&format!("SELECT ({readers}) = 0")).await;
    until("nobody listens", async || {
        metric(&gateway.reader, "inventory_event_clients").await == 0.0
    })
    .await;
}

pub async fn one_stream_too_many(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::with(&db, &["--event-clients", "3", "--event-clients-each", "2"]).await;
    db.admin().await.run(&create_key("another", "reader", "")).await;
    let another = gateway.reader.with_key(&key_of("another"));
    let first = gateway.reader.listen("", None).await;
    let _second = gateway.reader.listen("", None).await;
    let refused = gateway.reader.try_listen("", None).await.err().unwrap();
    refused.refuses(429, "rate_limited", "close one");
    let _third = another.listen("", None).await;
    let refused = another.try_listen("", None).await.err().unwrap();
    refused.refuses(503, "overloaded", "come again");
    // Whoever hangs up makes room.
    drop(first);
    let begun = Instant::now();
    let fourth: Listener = loop {
        if let Ok(listener) = another.try_listen("", None).await {
            break listener;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "the seat stays taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    drop(fourth);
}

/// Asks for everything, and reads nothing of it.
async fn deaf(gateway: &Gateway) -> TcpStream {
    let address: SocketAddr = gateway.address;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    let request = Request::new("GET", "/v1/events?from=beginning");
    stream.write_all(&gateway.reader.signed(&request).bytes(address)).await.unwrap();
    stream
}

pub async fn who_does_not_listen_is_cut_off(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1_000_000)]).await;
    let gateway = Gateway::with(&db, &["--write-timeout-ms", "500"]).await;
    let mut live = gateway.reader.listen("", None).await;
    live.until_placed().await;
    let _deaf = [deaf(&gateway).await, deaf(&gateway).await, deaf(&gateway).await];
    until("all are there", async || {
        metric(&gateway.reader, "inventory_event_clients").await == 4.0
    })
    .await;
    // More than all the buffers between them hold.
    let mut session = db.operator().await;
    for n in 0..4 {
        let many = format!(
            "SELECT count(*) FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[5000]), \
             array_fill('A'::text, ARRAY[5000]), array_fill(1::bigint, ARRAY[5000]), \
             reasons => array_fill('{n} {}'::text, ARRAY[5000]))",
            "x".repeat(60)
        );
        session.run(&many).await;
    }
    session.run("SELECT inventory.deduct('A', 1, reason => 'end')").await;
    let heard = live.until("end").await;
    assert_eq!(heard.len(), 20_001, "one who listens misses nothing");
    until("they are cut off", async || {
        metric(&gateway.reader, "inventory_event_clients").await == 1.0
    })
    .await;
    // And neither does one who is only slow.
    let mut slow = gateway.reader.listen("from=beginning", None).await;
    assert_eq!(slow.until("end").await.len(), 20_002);
    gateway.logged_no_failure();
}
