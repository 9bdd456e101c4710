//! The tables are ordinary tables: they dump and restore with all that was promised about them,
//! and outlive the extension itself.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::commands::run;
use inventory_tests::{Database, Pg, promises};

promises!(
    a_restored_database_goes_on_where_the_dump_was_taken,
    dropping_the_extension_loses_no_row,
    a_clone_begins_a_new_generation,
    a_generation_is_begun_once_and_kept,
);

/// A shop with a bit of everything.
async fn trade(db: &Database) {
    db.stock(&[("A", 100), ("b", 50), ("Ä ''quoted'' \"sku\"", 0)]).await;
    let mut admin = db.admin().await;
    for sql in [
        "SELECT inventory.put_warehouse(2, 'NORTH', 'North')",
        "SELECT inventory.put_product('L', 'By lot', 5, true, 'kg', '{\"a\": [1, 2]}')",
        "SELECT inventory.receive('L', 9, lot => 'x', expires_on => '2999-01-01')",
        "SELECT inventory.transfer('L', 4, 1, 2)",
        "SELECT inventory.adjust('A', -7, E'fell \"off\"\\\\ the shelf', operator => 'ann', trace_id => 't')",
        "SELECT inventory.deduct('b', 10, request_id => '11111111-1111-4111-8111-111111111111')",
        "SELECT inventory.deduct_many(array_fill(gen_random_uuid(), ARRAY[2]), ARRAY['A', 'b'], ARRAY[1, 2])",
    ] {
        admin.run(sql).await;
    }
    // As after a day on which the clock ran ahead: a restore must not fall behind.
    db.owner()
        .await
        .run(
            "SELECT setval('inventory.order_number_001', \
                    (extract(epoch FROM clock_timestamp())::bigint + 86400) * 1000000)",
        )
        .await;
}

const LEVELS: &str = "SELECT sku, warehouse_id, on_hand, reserved, available, low, version FROM inventory.stock_level ORDER BY 1, 2";
const LOTS: &str =
    "SELECT sku, warehouse_id, lot, on_hand, expires_on FROM inventory.stock_lot ORDER BY 1, 2, 3";
const LOG: &str = "SELECT * FROM inventory.audit_log ORDER BY id";
const REQUEST: &str =
    "SELECT * FROM inventory.deduct('b', 10, request_id => '11111111-1111-4111-8111-111111111111')";

async fn a_restored_database_goes_on_where_the_dump_was_taken(pg: Pg) {
    let source = pg.database().await;
    trade(&source).await;
    let mut owner = source.owner().await;
    let number = owner.text("SELECT inventory.next_order_no()").await;
    let answer = source.operator().await.text(REQUEST).await;
    let shown = [owner.text(LEVELS).await, owner.text(LOTS).await, owner.text(LOG).await];

    let target = restored_elsewhere(&pg, &source).await;
    let mut owner = target.owner().await;
    assert_eq!(target.digest().await, source.digest().await, "row by row the same");
    owner.verify_is_clean().await;
    assert_eq!([owner.text(LEVELS).await, owner.text(LOTS).await, owner.text(LOG).await], shown);

    let mut op = target.operator().await;
    op.check(REQUEST, &answer).await;
    let next = op.text("SELECT inventory.next_order_no()").await;
    assert!(next > number, "{next} after {number}");
    let order = op.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    assert!(order > next, "{order} after {next}");
    everything_works(&target).await;
    target.operator().await.check_refused("DELETE FROM inventory.stock", "42501", "").await;
    source.verify_is_clean().await;
}

/// Dumps the database and restores it into a fresh cluster, under another name.
async fn restored_elsewhere(pg: &Pg, source: &Database) -> Database {
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("shop.dump");
    let mut pg_dump = source.server.command("pg_dump", &source.name);
    run(pg_dump.arg("-Fc").arg("-f").arg(&dump)).await.ok();

    let server = pg.private(|builder| builder.setting("fsync", "off")).await;
    Database::maintenance(&server)
        .owner()
        .await
        .run("CREATE DATABASE restored TEMPLATE template0")
        .await;
    let mut restore = server.command("pg_restore", "restored");
    run(restore.args(["--exit-on-error", "-d", "restored"]).arg(&dump)).await.ok();
    let target = Database { server: server.clone(), name: "restored".into() };
    server.make_users(&mut target.owner().await).await;
    target
}

async fn everything_works(db: &Database) {
    let mut admin = db.admin().await;
    for call in [
        "put_product('NEW', 'New', 3)",
        "put_warehouse(7, 'SEVEN', 'Seven')",
        "receive('NEW', 50, 7)",
        "deduct('NEW', 1, 7)",
        "transfer('NEW', 5, 7, 1)",
        "adjust('NEW', 1, 'found')",
        "recount('NEW', 0, 'gone')",
        "deduct_many(ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])",
        "recount('NEW', 0, 'gone', 7)",
        "delete_product('NEW')",
        "delete_warehouse(7)",
        "install()",
    ] {
        admin.run(&format!("SELECT inventory.{call}")).await;
    }
    db.reader()
        .await
        .run("SELECT * FROM inventory.low_stock; SELECT * FROM inventory.outbox")
        .await;
    db.verify_is_clean().await;
}

async fn dropping_the_extension_loses_no_row(pg: Pg) {
    let db = pg.database().await;
    trade(&db).await;
    let before = db.digest().await;
    let mut op = db.operator().await;
    let answer = op.text(REQUEST).await;
    let mut owner = db.owner().await;
    owner.run("DROP EXTENSION pg_inventory").await;
    assert_eq!(db.digest().await, before, "without the extension");
    owner.run("SELECT * FROM inventory.stock_level; SELECT * FROM inventory.outbox").await;
    assert!(op.query("SELECT inventory.deduct('A', 1)").await.is_err(), "no function is left");
    owner
        .check(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'inventory'::regnamespace",
            "orders_keep_to_their_states", // the guard of a table is the table's
        )
        .await;

    owner.run("CREATE EXTENSION pg_inventory").await;
    assert_eq!(db.digest().await, before, "with it again, before install");
    // Sessions that were there all the time go on, and need no second install.
    op.check(REQUEST, &answer).await;
    op.check("SELECT on_hand FROM inventory.deduct('A', 1)", "91").await;
    owner.run("SELECT inventory.install()").await;
    everything_works(&db).await;
    db.operator().await.check_refused("DELETE FROM inventory.stock", "42501", "").await;
}

async fn a_clone_begins_a_new_generation(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 5)]).await;
    let generation = "SELECT generation FROM inventory.installation";
    let first = db.owner().await.number(generation).await;
    let clone = db.cloned().await;
    clone.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    let mut owner = clone.owner().await;
    assert_eq!(owner.number(generation).await, first + 1);
    owner
        .check(
            "SELECT generation, event_type FROM inventory.journal ORDER BY id",
            &format!("{first}|STOCK_RECEIVED\n{}|STOCK_DEDUCTED", first + 1),
        )
        .await;
    assert_eq!(db.owner().await.number(generation).await, first, "the original stays what it is");
    clone.verify_is_clean().await;
}

/// A session that only looked first, and one whose first transaction was rolled back, write in the
/// same generation as everybody else.
async fn a_generation_is_begun_once_and_kept(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 50)]).await;
    let clone = db.cloned().await;
    let (mut looked, mut undone) = (clone.operator().await, clone.operator().await);
    looked.run("BEGIN READ ONLY; SELECT * FROM inventory.verify(); COMMIT").await;
    undone.run("BEGIN; SELECT inventory.deduct('A', 1); ROLLBACK").await;
    for session in [&mut looked, &mut undone] {
        session.run("SELECT inventory.deduct('A', 1)").await;
    }
    let mut owner = clone.owner().await;
    let generation = owner.number("SELECT generation FROM inventory.installation").await;
    owner
        .check(
            "SELECT generation, count(*) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED' GROUP BY 1",
            &format!("{generation}|2"),
        )
        .await;
    clone.verify_is_clean().await;
}
