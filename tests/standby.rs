//! A hot standby reads, checks and refuses to write; promoted, it goes on where the primary ended.

use std::time::Duration;

use inventory_tests::{Database, Pg, Session, promises};

promises!(a_standby_reads_and_refuses_to_write, a_promoted_standby_goes_on);

/// A primary with a little trade, and its standby, which has come as far.
async fn pair(pg: &Pg) -> (Database, Database) {
    let primary = pg.private_database(|builder| builder).await;
    primary.stock(&[("A", 100)]).await;
    primary.operator().await.run(REQUEST).await;
    let server = pg.standby_of(&primary.server).await;
    let standby = Database { server, name: primary.name.clone() };
    caught_up(&primary, &standby).await;
    (primary, standby)
}

const REQUEST: &str = "SELECT on_hand, replayed FROM inventory.deduct('A', 10, request_id => '11111111-1111-4111-8111-111111111111')";

async fn caught_up(primary: &Database, standby: &Database) {
    let written = primary.owner().await.text("SELECT pg_current_wal_flush_lsn()").await;
    let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
    standby.owner().await.until(&replayed).await;
}

/// The error of a call that must not hang either.
async fn refused_soon(session: &mut Session, call: &str) -> String {
    let refused = session.refused(call);
    let refused = tokio::time::timeout(Duration::from_secs(30), refused).await;
    refused.unwrap_or_else(|_| panic!("{call} never ends")).sqlstate
}

async fn a_standby_reads_and_refuses_to_write(pg: Pg) {
    let (_primary, standby) = pair(&pg).await;
    let mut reader = standby.reader().await;
    reader.check("SELECT sku, on_hand, version FROM inventory.stock_level", "A|90|2").await;
    reader.verify_is_clean().await;
    reader.check("SELECT count(*) FROM inventory.outbox", "2").await;
    let mut admin = standby.admin().await;
    for call in [
        "deduct('A', 1)",
        "try_deduct('A', 1)",
        "receive('A', 1)",
        "adjust('A', 1, 'r')",
        "recount('A', 1, 'r')",
        "transfer('A', 1, 1, 2)",
        "deduct_many(ARRAY[NULL]::uuid[], ARRAY['A'], ARRAY[1])",
        "put_product('B', 'n')",
        "put_warehouse(2, 'N', 'n')",
        "delete_product('A')",
        "next_order_no()",
        "next_order_id()",
    ] {
        // Read-only, in PostgreSQL's own words.
        let sqlstate = refused_soon(&mut admin, &format!("SELECT inventory.{call}")).await;
        assert_eq!(sqlstate, "25006", "{call}");
    }
    reader.verify_is_clean().await;
}

async fn a_promoted_standby_goes_on(pg: Pg) {
    let (primary, standby) = pair(&pg).await;
    let mut op = primary.operator().await;
    let mut last = String::new();
    for _ in 0..50 {
        last = op.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    }
    // One that drew nothing else, and one whose first look was while it stood by.
    let drawn = op.text("SELECT inventory.next_order_no()").await;
    assert!(drawn > last);
    caught_up(&primary, &standby).await;
    let mut looked = standby.admin().await;
    looked.verify_is_clean().await;
    primary.server.kill();
    let mut owner = standby.owner().await;
    owner.check("SELECT pg_promote()", "t").await;

    looked.check(REQUEST, "90|t").await;
    let next = looked.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    assert!(next > drawn, "{next} after {drawn}");
    looked.check("SELECT on_hand FROM inventory.stock_level", "39").await;
    // A new timeline is a new generation.
    owner
        .check(
            "SELECT count(DISTINCT generation), max(generation) = (SELECT generation FROM inventory.installation) \
               FROM inventory.journal",
            "2|t",
        )
        .await;
    standby.verify_is_clean().await;
}
