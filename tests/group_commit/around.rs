//! What happens around a committer: to its database, to the extension, to the server's processes.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures::future::join_all;
use inventory_tests::{Database, Pg, Seller, Session, User, chaos, ledger, preloaded, seller};

use crate::plain::shop;

/// A call that only a committer can answer: its caller is in a transaction block.
pub async fn in_a_block(session: &mut Session, call: &str) -> String {
    session.run("BEGIN").await;
    let answer = session.query(&format!("SELECT inventory.{call}")).await;
    session.run("ROLLBACK").await;
    answer.map_or_else(|refused| refused.sqlstate, |_| "ok".into())
}

const CALL: &str = "deduct_now('LAMP', 1)";

pub async fn the_extension_goes_and_comes_again(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    // The tables are away for a while.
    owner.run("ALTER TABLE inventory.installation RENAME TO away").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "IV013");
    owner.run("ALTER TABLE inventory.away RENAME TO installation").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    let call = format!("SELECT inventory.{CALL}");
    let mut callers = db.operators(8).await;
    let sell = join_all(callers.iter_mut().map(|session| async {
        loop {
            match session.query(&call).await {
                Ok(_) => {}
                Err(refused) if refused.sqlstate == "IV001" => {}
                Err(refused) => return refused.sqlstate,
            }
        }
    }));
    let drop = async {
        owner.run("SELECT pg_sleep(0.1); DROP EXTENSION pg_inventory").await;
    };
    let (ends, ()) = futures::join!(sell, drop);
    assert_eq!(ends, ["42883"; 8], "the function is gone, and nothing else happened");
    owner.run("CREATE EXTENSION pg_inventory; SELECT inventory.install()").await;
    owner.run("SELECT inventory.receive('LAMP', 5)").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    db.verify_is_clean().await;
}

/// Leaves a committer behind, which stays a while, and no session.
async fn left_alone(db: &Database) {
    let mut op = db.operator().await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    let mut owner = Database::maintenance(&db.server).owner().await;
    assert!(chaos::committer(&mut owner, &db.name).await.is_some());
    drop(op);
    let gone = format!(
        "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = '{}' AND backend_type = 'client backend'",
        db.name
    );
    owner.until(&gone).await;
}

pub async fn a_committer_is_in_no_databases_way(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = Database::maintenance(&db.server).owner().await;
    left_alone(&db).await;
    let copy = db.cloned().await;
    left_alone(&db).await;
    left_alone(&copy).await;
    owner.run(&format!("ALTER DATABASE {} RENAME TO {}_renamed", copy.name, copy.name)).await;
    let copy = Database { name: format!("{}_renamed", copy.name), ..copy };
    left_alone(&copy).await;
    copy.verify_is_clean().await;
    left_alone(&copy).await;
    owner.run(&format!("DROP DATABASE {}", copy.name)).await;
    left_alone(&db).await;
    // By force, with callers in it.
    let mut callers = db.operators(8).await;
    let sell = join_all(callers.iter_mut().map(|session| async {
        loop {
            match session.query("SELECT inventory.deduct_now('LAMP', 1)").await {
                Err(refused) if refused.sqlstate != "IV001" => return refused.sqlstate,
                _ => {}
            }
        }
    }));
    let by_force = format!("DROP DATABASE {} WITH (FORCE)", db.name);
    let (ends, ()) = futures::join!(sell, owner.run(&by_force));
    assert!(ends.iter().all(|end| ["57P01", ""].contains(&&**end)), "{ends:?}");
    // Its desk is given to the next database that wants one.
    let there = format!(
        "SELECT count(*) = 0 FROM inventory.group_commit() WHERE database IS NULL OR database = '{}'",
        db.name
    );
    shop(&pg).await.owner().await.until(&there).await;
}

/// A database that lets nobody in still has those who are in it, and their committer.
pub async fn a_database_that_lets_nobody_in(pg: Pg) {
    let (db, closed) = (shop(&pg).await, shop(&pg).await);
    let mut owner = Database::maintenance(&db.server).owner().await;
    let (mut op, mut shut_in) = (db.operator().await, closed.operator().await);
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    let committer = chaos::committer(&mut owner, &db.name).await;
    for database in [&db, &closed] {
        owner.run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", database.name)).await;
    }
    // Long enough for the launcher to have looked around.
    owner.run("SELECT pg_sleep(1.5)").await;
    let mut elsewhere = shop(&pg).await.operator().await;
    assert_eq!(in_a_block(&mut elsewhere, CALL).await, "ok");
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    assert_eq!(chaos::committer(&mut owner, &db.name).await, committer);
    // No committer gets in where there was none.
    assert_eq!(in_a_block(&mut shut_in, CALL).await, "IV014");
    shut_in.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "19").await;
    for database in [&db, &closed] {
        owner.run(&format!("ALTER DATABASE {} ALLOW_CONNECTIONS true", database.name)).await;
    }
    let (mut op, sql) = (closed.operator().await, "BEGIN; SELECT inventory.deduct_now('LAMP', 1)");
    while op.query(sql).await.is_err() {
        op.run("ROLLBACK").await; // until the launcher is asked again
    }
    db.verify_is_clean().await;
}

/// Neither waits nor hangs; answers whether a committer did it.
async fn nobody_to_be_had(db: &Database) {
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    let accepted = "SELECT coalesce(sum(accepted), 0) FROM inventory.group_commit()";
    let before = owner.text(accepted).await;
    op.run("SET pg_inventory.lock_wait = '300ms'").await;
    for call in [CALL, "reserve_now('LAMP', 1)"] {
        op.run(&format!("SELECT inventory.{call}")).await;
        assert_eq!(in_a_block(&mut op, call).await, "IV014", "{call}");
        op.check_refused(&format!("BEGIN; SELECT inventory.{call}"), "IV014", "no process could")
            .await;
        op.run("ROLLBACK").await;
    }
    // Alone, it waits no longer than with others.
    let mut idle = db.operator().await;
    idle.run("BEGIN; SELECT inventory.deduct('LAMP', 1)").await;
    op.check_refused(&format!("SELECT inventory.{CALL}"), "IV014", "another transaction has").await;
    idle.run("ROLLBACK").await;
    owner.check(accepted, &before).await;
    db.verify_is_clean().await;
}

pub async fn without_a_process_each_commits_alone(pg: Pg) {
    let set_up = |workers: &'static str| {
        pg.private_database(move |builder| {
            preloaded(builder)
                .setting("max_worker_processes", workers)
                .setting("pg_inventory.committers", "0")
        })
    };
    // One for our launcher, one for that of logical replication.
    let db = set_up("2").await;
    db.stock(&[("LAMP", 100)]).await;
    nobody_to_be_had(&db).await;
    let mut owner = db.owner().await;
    owner.run("ALTER SYSTEM SET pg_inventory.committers = 1").await;
    owner.run("SELECT pg_reload_conf()").await;
    nobody_to_be_had(&db).await;

    let db = set_up("8").await;
    db.stock(&[("LAMP", 100)]).await;
    nobody_to_be_had(&db).await;
    // As soon as there may be one, there is.
    let (mut owner, mut op) = (db.owner().await, db.operator().await);
    owner.run("ALTER SYSTEM SET pg_inventory.committers = 1").await;
    owner.run("SELECT pg_reload_conf()").await;
    while in_a_block(&mut op, CALL).await != "ok" {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // A second database gets none.
    owner.run("CREATE DATABASE other TEMPLATE template0").await;
    let other = Database { name: "other".into(), ..db.clone() };
    other.owner().await.run("CREATE EXTENSION pg_inventory; SELECT inventory.install()").await;
    other.stock(&[("LAMP", 100)]).await;
    nobody_to_be_had_beside(&db, &other).await;
}

/// As long as one database keeps its committer busy, the other one has none.
async fn nobody_to_be_had_beside(busy: &Database, db: &Database) {
    let stop = AtomicBool::new(false);
    let mut op = busy.operator().await;
    let keep_busy = async {
        while !stop.load(Relaxed) {
            op.run("SELECT inventory.receive('LAMP', 1)").await;
            assert_eq!(in_a_block(&mut op, CALL).await, "ok");
        }
    };
    let beside = async {
        let mut op = db.operator().await;
        assert_eq!(in_a_block(&mut op, CALL).await, "IV014");
        op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "99").await;
        stop.store(true, Relaxed);
    };
    futures::join!(keep_busy, beside);
}

pub async fn without_preload_it_works_alone(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("LAMP", 100)]).await;
    let (mut op, mut idle) = (db.operator().await, db.operator().await);
    op.check("SELECT code, on_hand FROM inventory.deduct_now('LAMP', 1)", "ok|99").await;
    op.check_refused("SELECT inventory.deduct_now('LAMP', 100)", "IV001", "requested 100").await;
    op.check("SELECT reserved FROM inventory.reserve_now('LAMP', 1)", "1").await;
    let id = "request_id => '00000000-0000-4000-8000-00000000000b'";
    for replayed in ["f", "t", "t"] {
        let call = format!("SELECT replayed FROM inventory.deduct_now('LAMP', 1, {id})");
        op.check(&call, replayed).await;
    }
    for level in ["repeatable read", "serializable"] {
        op.run(&format!("SET default_transaction_isolation = '{level}'")).await;
        op.check("SELECT code FROM inventory.deduct_now('LAMP', 1)", "ok").await;
    }
    let detail = "pg_inventory is not in shared_preload_libraries";
    for begin in ["BEGIN", "BEGIN; SAVEPOINT s", "SELECT 1"] {
        for function in ["deduct_now", "reserve_now"] {
            let sql = format!("{begin}; SELECT inventory.{function}('LAMP', 1)");
            let refused = op.refused(&sql).await;
            assert_eq!((&*refused.sqlstate, &*refused.detail), ("25001", detail), "{sql}");
            assert!(refused.message.contains(function), "{sql}: {refused}");
            op.run("ROLLBACK").await;
        }
    }
    op.check_refused(
        "DO $$ BEGIN PERFORM inventory.deduct_now('LAMP', 1); EXCEPTION WHEN SQLSTATE 'IV001' THEN NULL; END $$",
        "25001",
        detail,
    )
    .await;
    op.run("DO $$ BEGIN PERFORM inventory.deduct_now('LAMP', 1); END $$").await;
    idle.run("BEGIN; SELECT inventory.deduct('LAMP', 1)").await;
    op.run("SET pg_inventory.lock_wait = '100ms'").await;
    op.check_refused(&format!("SELECT inventory.{CALL}"), "IV014", "another transaction has").await;
    op.check("SHOW lock_timeout", "0").await;
    db.owner().await.check("SELECT count(*) FROM inventory.group_commit()", "0").await;
    idle.run("ROLLBACK").await;
    db.verify_is_clean().await;
}

pub async fn another_version_is_told_of(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    // Whoever brings tables up to date alters them, so that sessions notice.
    let layout = |by| {
        format!(
            "UPDATE inventory.installation SET layout = layout {by}; \
             COMMENT ON TABLE inventory.installation IS '{by}'; \
             ALTER TABLE inventory.installation SET (fillfactor = 90)"
        )
    };
    owner.run(&layout("- 1")).await;
    for call in [CALL, "reserve_now('LAMP', 1)"] {
        assert_eq!(in_a_block(&mut op, call).await, "IV013", "{call}");
        op.check_refused(&format!("SELECT inventory.{call}"), "IV013", "the tables have layout")
            .await;
    }
    owner.run(&layout("+ 1")).await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    // A committer that comes to such tables.
    owner.run(&layout("- 1")).await;
    let committer = chaos::committer(&mut owner, &db.name).await.expect("it has answered");
    owner.run(&format!("SELECT pg_terminate_backend({committer})")).await;
    assert_eq!(in_a_block(&mut op, CALL).await, "IV013");
    owner.run(&layout("+ 1")).await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    // The functions of the release before have no such call.
    owner.run("DROP EXTENSION pg_inventory; CREATE EXTENSION pg_inventory VERSION '0.2.0'").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "42883");
    owner.run("ALTER EXTENSION pg_inventory UPDATE; SELECT inventory.install()").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    db.verify_is_clean().await;
}

pub async fn a_standby_refuses_until_it_is_promoted(pg: Pg) {
    let primary = pg.private_database(preloaded).await;
    primary.stock(&[("LAMP", 100)]).await;
    let mut op = primary.operator().await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    let standby = pg.standby_with(&primary.server, preloaded).await;
    let standby = Database { server: standby, ..primary.clone() };
    let written = primary.owner().await.text("SELECT pg_current_wal_flush_lsn()").await;
    let mut owner = standby.owner().await;
    owner.until(&format!("SELECT pg_last_wal_replay_lsn() >= '{written}'")).await;
    let mut op = standby.operator().await;
    for call in [CALL, "reserve_now('LAMP', 1)"] {
        assert_eq!(in_a_block(&mut op, call).await, "25006", "{call}");
        op.check_refused(&format!("SELECT inventory.{call}"), "25006", "").await;
    }
    primary.server.kill();
    owner.check("SELECT pg_promote()", "t").await;
    assert_eq!(in_a_block(&mut op, CALL).await, "ok");
    op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "97").await;
    standby.verify_is_clean().await;
}

pub async fn resharding_fails_no_call(pg: Pg) {
    let db = shop(&pg).await;
    let units = 100_000;
    let skus: Vec<String> = (0..20).map(|n| format!("S{n}")).collect();
    db.stock(&skus.iter().map(|sku| (&**sku, units)).collect::<Vec<_>>()).await;
    let mut owner = db.owner().await;
    // Of a machine that has other things to do nobody knows how long a step takes.
    owner.run(&format!("ALTER DATABASE {} SET pg_inventory.lock_wait = '2min'", db.name)).await;
    let seller = Seller {
        db: db.clone(),
        skus: skus.clone(),
        seed: 3,
        repeats: 0,
        hasty: false,
        functions: &seller::ALL,
    };
    let sellers = seller.several(10);
    let (stop, log) = (AtomicBool::new(false), RefCell::default());
    let sell = join_all(sellers.iter().map(|seller| seller.sell_until(&stop, &log)));
    let reshard = async {
        for shards in [32, 16, 32] {
            owner.run(&format!("CALL inventory.reshard({shards})")).await;
        }
        stop.store(true, Relaxed);
    };
    futures::join!(sell, reshard);
    let log = log.into_inner();
    for told in &log {
        assert!(told.end.accepted(), "{told:?}");
    }
    let begun = skus.into_iter().map(|sku| (sku, units)).collect();
    ledger::compare(&db, &begun, &log).await.unwrap();
}

pub async fn the_server_shows_what_is_done(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    for _ in 0..5 {
        op.run(&format!("SELECT inventory.{CALL}")).await;
    }
    op.refused("SELECT inventory.deduct_now('LAMP', 100)").await;
    let mine = "FROM inventory.group_commit() WHERE database = current_database()";
    owner
        .check(
            &format!("SELECT service, accepted, refused, busy, broken_batches {mine}"),
            "open|5|1|0|0",
        )
        .await;
    owner
        .check(
            &format!("SELECT batches BETWEEN 1 AND 6, largest_batch, since < now() {mine}"),
            "t|1|t",
        )
        .await;
    let shown = "SELECT application_name, wait_event_type, usename FROM pg_stat_activity \
        WHERE backend_type = 'pg_inventory committer' AND datname = current_database()";
    owner.check(shown, "pg_inventory committer|Extension|postgres").await;
    // Autovacuum goes by these, and the committer is still there.
    owner
        .until("SELECT sum(n_tup_upd) >= 5 FROM pg_stat_user_tables WHERE relname LIKE 'stock\\_%'")
        .await;
    owner.check(&format!("SELECT service {mine}"), "open").await;
    // What nobody needs goes by itself.
    owner.until(&format!("SELECT service = 'idle' {mine}")).await;
    assert_eq!(chaos::committer(&mut owner, &db.name).await, None);
    // Who waits, waits for something that has a name.
    let mut idle = db.operator().await;
    idle.run("BEGIN; SELECT inventory.deduct('LAMP', 1)").await;
    let call = format!("SELECT inventory.{CALL}");
    let waits = op.refused(&call);
    let named = async {
        let name = if pg.major >= 17 { "InventoryGroupCommit" } else { "Extension" };
        owner
            .until(&format!(
                "SELECT count(*) = 1 FROM pg_stat_activity WHERE wait_event = '{name}'"
            ))
            .await;
    };
    assert_eq!(futures::join!(waits, named).0.sqlstate, "IV014");
    db.session(User::Reader).await.check(&format!("SELECT busy {mine}"), "1").await;
}
