//! SKUs that are hot: found by themselves, called so by hand, cold again after a while.

use inventory_tests::{Database, Pg, promises};

promises!(
    by_hand_it_is_hot_until_it_is_taken_back,
    a_crowd_makes_a_sku_hot_and_quiet_makes_it_cold,
    a_repeated_set_hot_changes_nothing,
    a_product_that_goes_is_not_hot,
    only_so_many_are_hot,
);

const HOT: &str = "SELECT sku, warehouse_id, by_hand FROM inventory.hot_skus ORDER BY sku";
const EVENTS: &str = "SELECT payload->>'sku', payload->>'hot', payload->>'warehouse_id' FROM inventory.outbox \
    WHERE event_type = 'HOT_SKU_CHANGED' ORDER BY id";

async fn by_hand_it_is_hot_until_it_is_taken_back(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let mut admin = db.admin().await;
    admin.check("SELECT code, changed FROM inventory.set_hot('A', true)", "ok|t").await;
    admin.check("SELECT code, changed FROM inventory.set_hot('A', true)", "ok|f").await;
    admin.check(HOT, "A|1|t").await;
    // Nobody asks for it, and it stays hot.
    admin.run("SELECT inventory.maintain()").await;
    admin.check(HOT, "A|1|t").await;
    admin.check("SELECT changed FROM inventory.set_hot('A', false)", "t").await;
    admin.check("SELECT changed FROM inventory.set_hot('A', false)", "f").await;
    admin.check(HOT, "").await;
    admin.check(EVENTS, "A|true|1\nA|false|1").await;
    admin.check_refused("SELECT inventory.set_hot('B', true)", "IV002", "SKU B does not").await;
    admin.check_refused("SELECT inventory.set_hot('A', NULL)", "IV004", "hot must not be").await;
    db.verify_is_clean().await;
}

async fn a_repeated_set_hot_changes_nothing(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let mut admin = db.admin().await;
    let call = "SELECT changed, replayed FROM inventory.set_hot('A', true, '11111111-1111-4111-8111-111111111111')";
    admin.check(call, "t|f").await;
    admin.run("SELECT inventory.set_hot('A', false)").await;
    admin.check(call, "t|t").await;
    admin.check(HOT, "").await;
    db.verify_is_clean().await;
}

async fn a_product_that_goes_is_not_hot(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let mut admin = db.admin().await;
    admin
        .run("SELECT inventory.set_hot('A', true); SELECT inventory.recount('A', 0, 'gone')")
        .await;
    admin
        .check(
            "SELECT code FROM inventory.delete_product('A', request_id => gen_random_uuid())",
            "ok",
        )
        .await;
    admin.check(HOT, "").await;
    admin.check(EVENTS, "A|true|1\nA|false|1").await;
    db.verify_is_clean().await;
}

/// A server that watches, and looks when the test says so.
async fn watched(pg: &Pg, limit: u32) -> Database {
    pg.private_database(|builder| {
        builder
            .setting("shared_preload_libraries", "pg_inventory")
            .setting("pg_inventory.upkeep", "off")
            .setting("pg_inventory.hot_rate", "20")
            .setting("pg_inventory.hot_limit", &limit.to_string())
    })
    .await
}

/// So many orders of each, over a time that is long enough to be watched.
async fn sell(db: &Database, goods: &[(&str, u32)]) {
    let mut op = db.operator().await;
    for (sku, orders) in goods {
        op.run(&format!("SELECT inventory.deduct('{sku}', 1) FROM generate_series(1, {orders})"))
            .await;
    }
    op.run("SELECT pg_sleep(0.6)").await;
}

async fn a_crowd_makes_a_sku_hot_and_quiet_makes_it_cold(pg: Pg) {
    let db = watched(&pg, 10).await;
    db.stock(&[("A", 10_000), ("B", 10_000)]).await;
    let mut admin = db.admin().await;
    let mut owner = db.owner().await;
    sell(&db, &[("A", 2_000), ("B", 1)]).await;
    admin.run("SELECT inventory.maintain()").await;
    admin.check(HOT, "A|1|f").await;
    // Quiet for a moment is not cold yet.
    admin.run("SELECT pg_sleep(0.6); SELECT inventory.maintain()").await;
    admin.check(HOT, "A|1|f").await;
    let aged = "UPDATE inventory.hot_sku SET cooling_since = cooling_since - '11 s'::interval";
    owner.run(&format!("{aged}; SELECT pg_sleep(0.6)")).await;
    // Wanted again, it is as hot as before.
    sell(&db, &[("A", 2_000)]).await;
    admin.run("SELECT inventory.maintain()").await;
    admin.check(HOT, "A|1|f").await;
    admin.run("SELECT pg_sleep(0.6); SELECT inventory.maintain()").await;
    owner.run(&format!("{aged}; SELECT pg_sleep(0.6)")).await;
    admin.run("SELECT inventory.maintain()").await;
    admin.check(HOT, "").await;
    admin.check(EVENTS, "A|true|1\nA|false|1").await;
    db.verify_is_clean().await;
}

async fn only_so_many_are_hot(pg: Pg) {
    let db = watched(&pg, 2).await;
    db.stock(&[("A", 10_000), ("B", 10_000), ("C", 10_000)]).await;
    sell(&db, &[("A", 1_000), ("B", 3_000), ("C", 3_000)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.maintain()").await;
    admin.check(HOT, "B|1|f\nC|1|f").await;
    // By hand there is always room.
    admin.run("SELECT inventory.set_hot('A', true)").await;
    admin.check(HOT, "A|1|t\nB|1|f\nC|1|f").await;
}
