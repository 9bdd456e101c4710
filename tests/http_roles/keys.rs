//! API keys: which hold, and how long.

use std::time::{Duration, Instant};

use inventory_tests::gateway::{create_key, key_id, key_of};
use inventory_tests::{Gateway, Pg, Request};
use serde_json::json;

use super::table::may_read;

pub async fn what_is_no_key(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let good = gateway.reader.key.clone().unwrap();
    assert!(may_read(&gateway.reader).await);
    assert!(!may_read(&gateway.reader.without_key()).await);
    let wrong = if good.ends_with('0') { "1" } else { "0" };
    let changed = format!("{}{wrong}", &good[..good.len() - 1]);
    for key in [
        "",
        "x",
        "inv_",
        &good[..20],
        &good.to_uppercase(),
        &changed,
        &key_of("nobody"),
        &format!("{good}0"),
        &good.replace("inv_", ""),
        "a.b.c",
        "..",
        &"x".repeat(10_000),
        "inv_'; DROP TABLE inventory.stock; --",
    ] {
        assert!(!may_read(&gateway.reader.with_key(key)).await, "{key}");
    }
    let nobody = gateway.reader.without_key();
    for (header, may) in [
        (format!("bearer {good}"), true),
        (format!("BEARER  {good} "), true),
        (format!("Bearer{good}"), false),
        (format!("Basic {good}"), false),
        (good.clone(), false),
        (format!("Bearer {good} {good}"), false),
        ("Bearer \u{e4}".to_owned(), false),
    ] {
        let told = nobody
            .send(Request::new("GET", "/v1/warehouses").header("Authorization", &header))
            .await;
        assert_eq!(told.status == 200, may, "{header}: {}", told.text());
    }
    let twice =
        Request::new("GET", "/v1/warehouses").header("Authorization", &format!("Bearer {good}"));
    let twice = nobody.send(twice.header("Authorization", &format!("Bearer {good}"))).await;
    twice.refuses(401, "unauthorized", "");
    // Who may not come in is told nothing of what is there.
    let body = Request::post("/v1/deductions", &json!({"sku": 1}));
    nobody.send(body).await.refuses(401, "unauthorized", "");
    gateway.logged_no_failure();
}

pub async fn keys_expire(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let expiry = ", clock_timestamp() + interval '3 seconds'";
    db.admin().await.run(&create_key("short", "reader", expiry)).await;
    let client = gateway.reader.with_key(&key_of("short"));
    assert!(may_read(&client).await);
    let begun = Instant::now();
    while may_read(&client).await {
        assert!(begun.elapsed() < Duration::from_secs(10), "it never expires");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(may_read(&gateway.reader).await);
}

pub async fn a_revoked_key_works_for_two_seconds_at_most(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    assert!(may_read(&gateway.operator).await);
    let revoke = format!("SELECT inventory.revoke_api_key('{}')", key_id("operator"));
    db.admin().await.run(&revoke).await;
    let revoked = Instant::now();
    let mut last = revoked;
    while may_read(&gateway.operator).await {
        last = Instant::now();
        assert!(revoked.elapsed() < Duration::from_secs(30), "it works on");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // Contract: two seconds; one more for a machine that is busy with other things.
    assert!(last - revoked < Duration::from_secs(3), "{:?}", last - revoked);
    assert!(may_read(&gateway.reader).await);
}

pub async fn a_new_key_works_at_once(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    let client = gateway.reader.with_key(&key_of("late"));
    assert!(!may_read(&client).await);
    db.admin().await.run(&create_key("late", "operator", "")).await;
    let begun = Instant::now();
    while !may_read(&client).await {
        assert!(begun.elapsed() < Duration::from_secs(5), "it is never known");
    }
    let other = gateway.reader.with_key(&key_of("another"));
    db.admin().await.run(&create_key("another", "admin", "")).await;
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(may_read(&other).await, "the first call with it");
}

pub async fn uses_are_written_down(pg: Pg) {
    let db = pg.database().await;
    let gateway = Gateway::before(&db).await;
    assert!(may_read(&gateway.operator).await);
    let used = format!(
        "SELECT count(last_used_at) = 1 FROM inventory.api_keys() WHERE key_id = '{}'",
        key_id("operator")
    );
    db.admin().await.until(&used).await;
    let unused = format!(
        "SELECT last_used_at IS NULL FROM inventory.api_keys() WHERE key_id = '{}'",
        key_id("admin")
    );
    db.admin().await.check(&unused, "t").await;
    let secrets = "SELECT count(*) FROM inventory.api_key AS k WHERE k::text LIKE '%' || ";
    let secret = key_of("operator");
    let secret = secret.rsplit('_').next().unwrap();
    db.owner().await.check(&format!("{secrets}'{secret}' || '%'"), "0").await;
}
