//! The tables are ordinary tables: they dump and restore with all that was promised about them,
//! and outlive the extension itself.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_tests::commands::run;
use inventory_tests::{Database, Pg, Trade, Verdict, promises, skipped};

promises!(
    a_restored_database_goes_on_where_the_dump_was_taken,
    a_resharded_database_goes_on_where_the_dump_was_taken,
    dropping_the_extension_loses_no_row,
    a_clone_begins_a_new_generation,
    a_copy_of_the_files_begins_a_new_generation,
    a_dump_restored_in_place_begins_a_new_generation,
    a_generation_is_begun_once_and_kept,
);

const LEVELS: &str = "SELECT sku, warehouse_id, on_hand, reserved, available, low, version FROM inventory.stock_level ORDER BY 1, 2";
const LOTS: &str =
    "SELECT sku, warehouse_id, lot, on_hand, expires_on FROM inventory.stock_lot ORDER BY 1, 2, 3";
const LOG: &str = "SELECT * FROM inventory.audit_log ORDER BY id";
const HELD: &str =
    "SELECT * FROM inventory.reservations ORDER BY created_at, reservation_id, line, lot";
const ORDERED: &str = "SELECT * FROM inventory.order_lines ORDER BY order_no, line, lot";

async fn a_restored_database_goes_on_where_the_dump_was_taken(pg: Pg) {
    let source = pg.database().await;
    let trade = Trade::of(&source).await;
    goes_on_elsewhere(&pg, &source, &trade).await;
    source.verify_is_clean().await;
}

async fn a_resharded_database_goes_on_where_the_dump_was_taken(pg: Pg) {
    let source = pg.database().await;
    let trade = Trade::of(&source).await;
    source.admin().await.run("CALL inventory.reshard(32)").await;
    goes_on_elsewhere(&pg, &source, &trade).await;
    // In the middle: some leaves are split, some are not, and the restored one comes to the end.
    let mut owner = source.owner().await;
    owner.check("SELECT more FROM inventory.reshard_step(8)", "t").await;
    owner.check("SELECT more FROM inventory.reshard_step(8, 1000)", "t").await;
    drop(owner);
    let target = restored_elsewhere(&pg, &source).await;
    assert_eq!(target.digest().await, source.digest().await, "row by row the same");
    target.admin().await.run("CALL inventory.reshard(8)").await;
    trade.goes_on(&target).await;
}

async fn goes_on_elsewhere(pg: &Pg, source: &Database, trade: &Trade) {
    let target = restored_elsewhere(pg, source).await;
    assert_eq!(target.digest().await, source.digest().await, "row by row the same");
    target.verify_is_clean().await;
    let (mut before, mut after) = (source.owner().await, target.owner().await);
    for shown in [LEVELS, LOTS, LOG, HELD, ORDERED] {
        let expected = before.text(shown).await;
        assert!(!expected.is_empty(), "{shown}");
        after.check(shown, &expected).await;
    }
    trade.goes_on(&target).await;
    target.operator().await.check_refused("DELETE FROM inventory.stock", "42501", "").await;
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

async fn dropping_the_extension_loses_no_row(pg: Pg) {
    let db = pg.database().await;
    let trade = Trade::of(&db).await;
    let mut op = db.operator().await;
    trade.replays(&mut db.admin().await).await;
    op.run("SELECT inventory.next_order_no()").await;
    let before = db.digest().await;
    let mut owner = db.owner().await;
    owner.run("DROP EXTENSION pg_inventory").await;
    assert_eq!(db.digest().await, before, "without the extension");
    owner.run("SELECT * FROM inventory.stock_level; SELECT * FROM inventory.outbox").await;
    assert!(op.query("SELECT inventory.deduct('A', 1)").await.is_err(), "no function is left");
    owner
        .check(
            "SELECT proname FROM pg_proc WHERE pronamespace = 'inventory'::regnamespace ORDER BY 1",
            "orders_keep_to_their_states\nsaga_steps_stay_answered", // the guard of a table is the table's
        )
        .await;

    owner.run("CREATE EXTENSION pg_inventory").await;
    assert_eq!(db.digest().await, before, "with it again, before install");
    // Sessions that were there all the time go on, and need no second install.
    let levels = "SELECT on_hand, reserved FROM inventory.stock_level WHERE sku = 'b'";
    op.check(levels, "43|0").await;
    op.check("SELECT on_hand, reserved FROM inventory.deduct('b', 1)", "42|0").await;
    owner.run("SELECT inventory.install()").await;
    trade.goes_on(&db).await;
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

/// It has the same system identifier and timeline, and must not call up what the original calls up.
async fn a_copy_of_the_files_begins_a_new_generation(pg: Pg) -> Verdict {
    let db = pg.private_database(|builder| builder.setting("fsync", "off")).await;
    db.stock(&[("A", 5)]).await;
    db.admin().await.run("SELECT inventory.put_sink('hook', 'stdout:')").await;
    let asked = "SELECT i.generation, s.state, s.name IN (SELECT sink FROM inventory.take_turns('relay') WHERE NOT give_back) \
                   FROM inventory.installation AS i, inventory.sinks AS s";
    let mut owner = db.owner().await;
    if owner.text("SELECT born IS NULL FROM inventory.installation").await == "t" {
        return skipped("the file system does not say when files were made".to_owned());
    }
    let first = owner.number("SELECT generation FROM inventory.installation").await;
    drop(owner);
    db.server.stop();
    db.server.start_again();
    db.owner().await.check(asked, &format!("{first}|ACTIVE|t")).await;
    db.server.go_on_with_copied_files().await;
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.take_turns('relay')").await;
    owner.check(asked, &format!("{}|PAUSED|f", first + 1)).await;
    drop(owner);
    // Once: it is a database of its own from then on.
    db.server.stop();
    db.server.start_again();
    db.operator().await.run("SELECT inventory.deduct('A', 1)").await;
    db.owner().await.check(asked, &format!("{}|PAUSED|f", first + 1)).await;
    db.verify_is_clean().await;
    Verdict::Passed
}

/// Ids of events are given a second time there: whoever heard of the first must not take the second for a repeat.
async fn a_dump_restored_in_place_begins_a_new_generation(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 50)]).await;
    let folder = tempfile::tempdir().unwrap();
    let dump = folder.path().join("shop.dump");
    let mut pg_dump = db.server.command("pg_dump", &db.name);
    run(pg_dump.arg("-Fc").arg("-f").arg(&dump)).await.ok();
    let mut op = db.operator().await;
    op.run("SELECT inventory.deduct('A', 1)").await;
    let drop_all = "DROP EXTENSION pg_inventory CASCADE; DROP SCHEMA inventory CASCADE";
    db.owner().await.run(drop_all).await;
    let mut restore = db.server.command("pg_restore", &db.name);
    run(restore.args(["--exit-on-error", "-d", &db.name]).arg(&dump)).await.ok();
    op.run("SELECT inventory.deduct('A', 1)").await;
    let mut owner = db.owner().await;
    let generation = owner.number("SELECT generation FROM inventory.installation").await;
    let told = "SELECT generation, event_type FROM inventory.journal ORDER BY id";
    let before = generation - 1;
    owner.check(told, &format!("{before}|STOCK_RECEIVED\n{generation}|STOCK_DEDUCTED")).await;
    db.verify_is_clean().await;
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
