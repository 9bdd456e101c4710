//! `pg_upgrade` takes a shop to another PostgreSQL: everything is there, and goes on.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use inventory_gateway::cluster::Builder;
use inventory_tests::{Database, Pg, Trade, Verdict, promises, skipped};

promises!(a_shop_goes_on_after_pg_upgrade);

/// With upkeep in the background, as in a shop.
fn preloaded(builder: Builder) -> Builder {
    builder
        .setting("shared_preload_libraries", "pg_inventory")
        .setting("pg_inventory.upkeep_interval", "1s")
        .setting("fsync", "off")
}

/// With upkeep that waits until the test has looked.
fn resting(builder: Builder) -> Builder {
    preloaded(builder).setting("pg_inventory.upkeep", "off")
}

const GENERATION: &str = "SELECT generation FROM inventory.installation";
const MADE_BY: &str = "SELECT DISTINCT generation FROM inventory.journal ORDER BY 1";

async fn a_shop_goes_on_after_pg_upgrade(pg: Pg) -> Verdict {
    let Some(older) = pg.older() else {
        return skipped(format!("there is no PostgreSQL older than {} to come from", pg.major));
    };
    let shop = older.private_database(preloaded).await;
    let trade = Trade::of(&shop).await;
    let resharded = shop.cloned().await;
    resharded.admin().await.run("CALL inventory.reshard(32)").await;
    leave_work_undone(&[&shop, &resharded]).await;
    let before = [shop.digest().await, resharded.digest().await];
    let generations = [generation(&shop).await, generation(&resharded).await];
    shop.server.stop();

    let mut server = pg.private(resting).await;
    server.take_over(&shop.server).await;
    for (at, old) in [&shop, &resharded].into_iter().enumerate() {
        let db = Database { server: server.clone(), name: old.name.clone() };
        // pg_upgrade starts both servers: who wrote then would write what it does not know of.
        assert_eq!(db.digest().await, before[at], "row by row the same");
        db.verify_is_clean().await;
        trade.goes_on(&db).await;
        assert_eq!(generation(&db).await, generations[at] + 1, "another cluster");
        let made_by = db.owner().await.text(MADE_BY).await;
        assert!(made_by.ends_with(&format!("\n{}", generations[at] + 1)), "{made_by}");
    }
    Verdict::Passed
}

/// Upkeep rests, and finds a hold to sweep as soon as the server starts again.
async fn leave_work_undone(databases: &[&Database]) {
    let mut owner = databases[0].owner().await;
    owner.run("ALTER SYSTEM SET pg_inventory.upkeep = off").await;
    owner.run("SELECT pg_reload_conf()").await;
    owner
        .until(
            "SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_type = 'pg_inventory upkeep'",
        )
        .await;
    for db in databases {
        let hold = "SELECT inventory.reserve('b', 1, ttl => '1 microsecond')";
        db.operator().await.run(hold).await;
        forget_marks(db).await;
    }
    owner.run("ALTER SYSTEM RESET pg_inventory.upkeep").await;
}

/// PostgreSQL 15.20 marks each column of ordinary tables with an option, and pg_dump of its own minor
/// releases leaves it out; that of 18.6 does not know it, and stops pg_upgrade of any database.
async fn forget_marks(db: &Database) {
    let forget = "SET allow_system_table_mods = on;
        UPDATE pg_attribute SET attoptions = nullif(
                ARRAY(SELECT o FROM unnest(attoptions) AS o WHERE o NOT LIKE 'pg_attver=%'), '{}')
         WHERE attoptions::text LIKE '%pg_attver=%'";
    db.owner().await.run(forget).await;
}

async fn generation(db: &Database) -> i64 {
    db.owner().await.number(GENERATION).await
}
