//! For whom resharding waits, who waits for it, and how it goes on after it was killed.

use inventory_tests::commands::run;
use inventory_tests::{Database, Pg, Session};

use crate::{LEAVES, fill, reshard};

/// Stock as it is, row by row.
const ROWS: &str = "SELECT md5(string_agg(s::text, '/' ORDER BY s.sku COLLATE \"C\", s.warehouse_id, s.lot)) FROM inventory.stock AS s";

/// What psql says of a reshard, notices included; it may still be under way.
async fn by_psql(db: &Database, shards: u32) -> String {
    let mut psql = db.server.command("psql", &db.name);
    let ended = run(psql.args(["-X", "-c", &format!("CALL inventory.reshard({shards})")])).await;
    assert_eq!(ended.code, Some(0), "{}", ended.err);
    ended.err
}

/// Waits until a session is in CALL inventory.reshard; its process.
async fn resharding(owner: &mut Session) -> String {
    let pid = "SELECT pid FROM pg_stat_activity WHERE query LIKE 'CALL inventory.reshard%' AND state = 'active' AND pid <> pg_backend_pid()";
    owner.until(&format!("SELECT EXISTS ({pid})")).await;
    owner.text(pid).await
}

pub async fn an_idle_session_is_waited_for_and_named(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 100).await;
    let mut owner = db.owner().await;
    let mut idle = db.operator().await;
    let pid = idle.pid().await;
    idle.run("BEGIN; SELECT inventory.deduct('S0000001', 1)").await;
    let meanwhile = async {
        resharding(&mut owner).await;
        // By now it knows that this one will not end soon.
        owner.until(&format!("SELECT clock_timestamp() > xact_start + interval '3 seconds' FROM pg_stat_activity WHERE pid = {pid}")).await;
        let mut others = db.operators(4).await;
        for session in &mut others {
            session.run("SET lock_timeout = '20s'").await;
            for n in 2..40 {
                session.run(&format!("SELECT inventory.deduct('{}', 1)", crate::sku(n))).await;
            }
        }
        owner.check(LEAVES, "16").await;
        // The one it waits for goes on as well.
        idle.run("SELECT inventory.receive('S0000002', 1)").await;
        idle.run("COMMIT").await;
    };
    let (said, ()) = futures::join!(by_psql(&db, 32), meanwhile);
    let named = format!(
        "NOTICE:  reshard waits for session {pid} of shop_operator (idle in transaction, in a transaction since"
    );
    assert!(said.contains(&named), "{said}");
    assert_eq!(said.matches("NOTICE").count(), 1, "once is enough: {said}");
    owner.check(LEAVES, "32").await;
    owner.verify_is_clean().await;
}

pub async fn a_prepared_transaction_is_named(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 10).await;
    let mut owner = db.owner().await;
    owner.run("BEGIN; SELECT inventory.deduct('S0000001', 1)").await;
    owner.run(&format!("PREPARE TRANSACTION 'forgotten in {}'", db.name)).await;
    let meanwhile = async {
        let mut other = db.owner().await;
        resharding(&mut other).await;
        other.run("SELECT inventory.deduct('S0000002', 1)").await;
        other.check(LEAVES, "16").await;
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        other.run(&format!("COMMIT PREPARED 'forgotten in {}'", db.name)).await;
    };
    let (said, ()) = futures::join!(by_psql(&db, 8), meanwhile);
    assert!(
        said.contains(&format!("prepared transaction 'forgotten in {}' of postgres", db.name)),
        "{said}"
    );
    owner.check(LEAVES, "8").await;
    owner.verify_is_clean().await;
}

/// A session that keeps the sixth leaf, so that a reshard comes as far as that and no farther.
async fn keep_the_sixth(db: &Database) -> Session {
    let mut keeper = db.owner().await;
    keeper.run("BEGIN; SELECT count(*) FROM inventory.stock_05").await;
    keeper
}

const HALFWAY: &str = "21";

pub async fn a_killed_reshard_goes_on_where_it_was(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 500).await;
    let mut owner = db.owner().await;
    let rows = owner.text(ROWS).await;
    let keeper = keep_the_sixth(&db).await;
    let mut admin = db.admin().await;
    let killed = admin.refused("CALL inventory.reshard(32)");
    let kill = async {
        let pid = resharding(&mut owner).await;
        owner.until(&format!("SELECT ({LEAVES}) = {HALFWAY}")).await;
        owner.run(&format!("SELECT pg_terminate_backend({pid})")).await;
    };
    let (refused, ()) = futures::join!(killed, kill);
    assert_eq!(refused.sqlstate, "57P01", "{refused}");
    drop(keeper);
    half_a_shop_works(&db, &rows).await;
    reshard(&mut db.admin().await, 32).await;
    owner.check(ROWS, &owner_rows(&db).await).await;
    owner.verify_is_clean().await;
}

async fn owner_rows(db: &Database) -> String {
    db.owner().await.text(ROWS).await
}

/// Leaves of two sizes are as good as leaves of one.
async fn half_a_shop_works(db: &Database, rows: &str) {
    let mut owner = db.owner().await;
    owner.check(LEAVES, HALFWAY).await;
    owner.check(ROWS, rows).await;
    owner.verify_is_clean().await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.deduct(sku, 1) FROM inventory.products").await;
    op.run("SELECT inventory.receive(sku, 1) FROM inventory.products").await;
    owner.verify_is_clean().await;
}

pub async fn a_power_cut_in_the_middle(pg: Pg) {
    let db = pg.private_database(|b| b.setting("fsync", "off")).await;
    fill(&db, 500).await;
    let mut owner = db.owner().await;
    let rows = owner.text(ROWS).await;
    let keeper = keep_the_sixth(&db).await;
    let mut admin = db.admin().await;
    let cut = admin.query("CALL inventory.reshard(32)");
    let power = async {
        owner.until(&format!("SELECT ({LEAVES}) = {HALFWAY}")).await;
        db.server.kill();
    };
    let (gone, ()) = futures::join!(cut, power);
    gone.unwrap_err();
    drop(keeper);
    db.server.start_again();
    half_a_shop_works(&db, &rows).await;
    // Back is as good a way as on.
    reshard(&mut db.admin().await, 16).await;
    db.verify_is_clean().await;
    reshard(&mut db.admin().await, 32).await;
    db.verify_is_clean().await;
}

pub async fn the_later_of_two_wins(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 100).await;
    let mut owner = db.owner().await;
    let (mut first, mut second, mut third) = (db.admin().await, db.admin().await, db.admin().await);
    let mut idle = db.operator().await;
    idle.run("BEGIN; SELECT inventory.deduct('S0000001', 1)").await;
    let begun = "SELECT EXISTS (SELECT FROM inventory.upkeep WHERE job = 'reshard' AND position = ";
    let meanwhile = async {
        owner.until(&format!("{begun} 32)")).await;
        let waits = second.query("CALL inventory.reshard(4)");
        let same = async {
            owner.until(&format!("{begun} 4)")).await;
            idle.run("COMMIT").await;
            third.query("CALL inventory.reshard(4)").await
        };
        futures::join!(waits, same)
    };
    let (lost, (won, helped)) =
        futures::join!(first.refused("CALL inventory.reshard(32)"), meanwhile);
    assert_eq!(lost.sqlstate, "IV014", "{lost}");
    assert_eq!(lost.detail, "another session has begun to reshard to another number");
    won.unwrap();
    helped.unwrap();
    owner.check(LEAVES, "4").await;
    owner.verify_is_clean().await;
}

pub async fn an_autovacuum_gives_way(pg: Pg) {
    let db = pg
        .private_database(|b| b.setting("autovacuum_naptime", "1s").setting("fsync", "off"))
        .await;
    fill(&db, 20_000).await;
    let mut owner = db.owner().await;
    reshard(&mut owner, 1).await;
    // One that takes its time.
    owner
        .run(
            "ALTER TABLE inventory.stock_00 SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0, \
             autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1); \
             UPDATE inventory.stock SET received_at = received_at + interval '1 second'",
        )
        .await;
    owner
        .until("SELECT EXISTS (SELECT FROM pg_stat_progress_vacuum WHERE relid = 'inventory.stock_00'::regclass)")
        .await;
    reshard(&mut owner, 2).await;
    db.server.until_logged("canceling autovacuum task").await;
    owner.verify_is_clean().await;
}
