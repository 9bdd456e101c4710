//! `inventory serve` with a PostgreSQL of its own, and what it tells those who watch it.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use inventory_gateway::cluster::Kept;
use inventory_tests::commands::{inventory, run};
use inventory_tests::service::{Service, until_empty};
use inventory_tests::{Pg, User, promises};
use rustix::process::Signal;
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::Command;

promises!(
    an_ephemeral_service_leaves_nothing_behind,
    nor_does_one_that_is_killed,
    an_embedded_service_keeps_its_data,
    an_embedded_service_is_alone_in_its_folder,
    metrics_show_what_is_watched_and_what_is_low,
    metrics_show_what_the_database_finds,
);

/// A folder that the server's user may enter.
fn open_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

fn ephemeral(pg: &Pg, temporary: &Path) -> Command {
    let mut command = inventory();
    command.env("TMPDIR", temporary).args(["--json", "serve", "--ephemeral", "--pg-bin"]);
    command.arg(&pg.bin_dir);
    command
}

fn embedded(pg: &Pg, folder: &Path) -> Command {
    let mut command = inventory();
    command.args(["serve", "--embedded", "--pg-bin"]).arg(&pg.bin_dir);
    command.arg("--data-dir").arg(folder);
    command
}

async fn an_ephemeral_service_leaves_nothing_behind(pg: Pg) {
    let folder = open_folder();
    let service = Service::start(ephemeral(&pg, folder.path())).await;
    let said: Value = serde_json::from_str(&service.out()).expect("one answer");
    let key = said["api_key"].as_str().expect("a key, shown once");
    assert_eq!(said["url"], service.url);
    let stock = service.ask(key, &["--json", "stock", "show", "KIT-0101"]).await.ok();
    let stock: Value = serde_json::from_str(&stock).unwrap();
    assert!(stock[0]["on_hand"].as_i64() > Some(0), "the sample shop: {stock}");
    service.ask(key, &["product", "put", "NEW", "By an admin"]).await.ok();
    assert!(!service.err().contains(key), "no secret in the log");
    assert_eq!(service.terminated().await, Some(0));
    until_empty(folder.path()).await;
}

async fn nor_does_one_that_is_killed(pg: Pg) {
    let folder = open_folder();
    let service = Service::start(ephemeral(&pg, folder.path())).await;
    service.signal(Signal::KILL);
    assert_eq!(service.ended().await, None);
    until_empty(folder.path()).await;
}

async fn an_embedded_service_keeps_its_data(pg: Pg) {
    let folder = open_folder();
    let home = folder.path().join("shop");
    let service = Service::start(embedded(&pg, &home)).await;
    for secret in ["api_key", "logins", "password"] {
        let mode = home.join(secret).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    let key = std::fs::read_to_string(home.join("api_key")).unwrap().trim().to_owned();
    let logins = std::fs::read_to_string(home.join("logins")).unwrap();
    for secret in logins.lines().filter_map(|line| line.split('=').nth(1)).chain([key.as_str()]) {
        assert!(!service.out().contains(secret) && !service.err().contains(secret));
        let log = std::fs::read_to_string(home.join("server.log")).unwrap();
        assert!(!log.contains(secret), "in the server's log");
    }
    service.ask(&key, &["product", "put", "KEPT", "Kept"]).await.ok();
    service.ask(&key, &["stock", "receive", "KEPT", "7"]).await.ok();
    let url = Kept::running(&home).expect("it runs").url("inventory").unwrap();
    let users = "SELECT string_agg(DISTINCT usename, ' ' ORDER BY usename) || ' ' || bool_or(r.rolsuper) \
        FROM pg_stat_activity JOIN pg_roles AS r ON r.rolname = usename \
        WHERE application_name = 'inventory gateway'";
    let users = psql(&pg, &url, users).await;
    assert_eq!(users, "inventory_gateway inventory_gateway_admin false");

    // However it ends, its server ends with it, and the next one finds everything.
    service.signal(Signal::KILL);
    assert_eq!(service.ended().await, None);
    let again = Service::start(embedded(&pg, &home)).await;
    let shown = again.ask(&key, &["stock", "show", "KEPT"]).await.ok();
    assert!(shown.contains("7"), "{shown}");
    assert_eq!(again.terminated().await, Some(0));
    assert!(Kept::running(&home).is_none(), "PostgreSQL was stopped");
    let log = std::fs::read_to_string(home.join("server.log")).unwrap();
    assert!(log.trim_end().ends_with("database system is shut down"), "in order: {log}");
}

async fn an_embedded_service_is_alone_in_its_folder(pg: Pg) {
    let folder = open_folder();
    let service = Service::start(embedded(&pg, folder.path())).await;
    let second = run(&mut embedded(&pg, folder.path())).await;
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.err.contains("another process is at work"), "{second:?}");
    assert_eq!(service.get("/readyz").await.0, 200, "the first goes on");
    assert_eq!(service.terminated().await, Some(0));
    let nowhere = run(inventory().args(["serve", "--embedded"])).await;
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
}

async fn psql(pg: &Pg, url: &str, sql: &str) -> String {
    let mut command = Command::new(pg.bin_dir.join("psql"));
    run(command.args(["-XAtq", url, "-c", sql])).await.ok().trim().to_owned()
}

async fn metrics_show_what_is_watched_and_what_is_low(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("WATCHED", 5), ("DULL", 5), ("LOW", 1)]).await;
    db.admin().await.run("SELECT inventory.put_product('LOW', 'Low', 3)").await;
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Admin), "serve", "--watch", "WATCHED,NONE"]);
    let service = Service::start(command).await;
    let shown = loop {
        let (status, text) = service.get("/metrics").await;
        assert_eq!(status, 200);
        if text.contains("product_id=\"LOW\"") {
            break text;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        shown.contains("inventory_stock_level{product_id=\"WATCHED\",warehouse_id=\"1\"} 5"),
        "{shown}"
    );
    assert!(!shown.contains("DULL"), "{shown}");
    let pending = shown.lines().find(|line| line.starts_with("inventory_outbox_pending ")).unwrap();
    assert_ne!(pending, "inventory_outbox_pending 0");
}

/// Reads the metrics until they say so; gives what they say.
async fn until(service: &Service, says: impl Fn(&str) -> bool) -> String {
    for _ in 0..1_500 {
        let (status, text) = service.get("/metrics").await;
        assert_eq!(status, 200);
        if says(&text) {
            return text;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    panic!("never said: {}", service.get("/metrics").await.1);
}

async fn metrics_show_what_the_database_finds(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10)]).await;
    let (mut owner, mut operator) = (db.owner().await, db.operator().await);
    owner.run("ALTER SEQUENCE inventory.order_number_001 CACHE 2").await;
    for (holder, units) in [("gone", 3), ("here", 4)] {
        let lease = format!("inventory.take_lease('A', {units}, '{holder}', 'fallback')");
        operator.run(&format!("SELECT {lease}")).await;
    }
    let overdue = "UPDATE inventory.lease SET expires_at = expires_at - interval '1 day' WHERE holder = 'gone'";
    owner.run(overdue).await;
    owner.run("UPDATE inventory.stock SET on_hand = on_hand + 1 WHERE sku = 'B'").await;
    let mut command = inventory();
    command.args(["--database-url", &db.url(User::Admin), "serve", "--check-every", "1"]);
    let service = Service::start(command).await;
    let broken = "inventory_check_findings{check_name=\"on_hand\"} 1\n";
    let shown = until(&service, |text| text.contains(broken)).await;
    assert!(!shown.contains("inventory_check_timestamp_seconds 0\n"), "{shown}");
    for line in [
        "inventory_doctor_findings{topic=\"sequences\",state=\"problem\"} 1\n",
        "inventory_leased_units{state=\"current\"} 4\n",
        "inventory_leased_units{state=\"overdue\"} 3\n",
        "inventory_leases{state=\"overdue\"} 1\n",
    ] {
        until(&service, |text| text.contains(line)).await;
    }
    assert!(service.err().contains("not all is as it should be"), "{}", service.err());
    owner.run("UPDATE inventory.stock SET on_hand = on_hand - 1 WHERE sku = 'B'").await;
    until(&service, |text| !text.contains("{check_name=\"on_hand\"}")).await;
}
