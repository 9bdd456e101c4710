//! What somebody else's transaction, or the caller's own, has locked.

use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::session::Answer;
use inventory_tests::{Database, Pg, Refused, Session};
use uuid::Uuid;

use crate::plain::{shop, together, until_waiting};

const LOCK_WAIT: Duration = Duration::from_millis(400);

/// A session whose calls are refused soon.
async fn hasty(db: &Database) -> Session {
    let mut session = db.operator().await;
    session.run(&format!("SET pg_inventory.lock_wait = '{}ms'", LOCK_WAIT.as_millis())).await;
    session
}

/// A session whose calls wait for as long as any test lasts: what is refused is refused at once.
async fn patient(db: &Database) -> Session {
    let mut session = db.operator().await;
    session.run("SET pg_inventory.lock_wait = '10min'").await;
    session
}

/// Asserts that the call is refused as busy, and not before its time.
async fn busy_in_time(session: &mut Session, call: &str) {
    let begun = Instant::now();
    let refused = session.refused(&format!("SELECT inventory.{call}")).await;
    assert_eq!(refused.sqlstate, "IV014", "{call}: {refused}");
    assert!(begun.elapsed() >= LOCK_WAIT, "{call} did not wait: {:?}", begun.elapsed());
}

/// A request id of one's own for each `{id}`.
fn with_ids(sql: &str, id: Uuid) -> String {
    sql.replace("{id}", &format!("request_id => '{id}'"))
}

/// What another session has done in its open transaction, and the calls that it is in the way of.
const OBSTACLES: [(&str, [&str; 2]); 7] = [
    ("SELECT inventory.deduct('LAMP', 1)", LAMP),
    ("SELECT inventory.try_deduct('LAMP', 100)", LAMP),
    ("SELECT inventory.reserve('LAMP', 1)", LAMP),
    ("SELECT inventory.receive('LAMP', 1)", LAMP),
    ("SELECT inventory.put_product('LAMP', 'Lamp', 3)", LAMP),
    (
        "SELECT inventory.receive('SOUP', 1, lot => 'late')",
        ["deduct_now('SOUP', 1)", "deduct_now('SOUP', 1, lot => 'soon')"],
    ),
    // The goods are free; the id is not.
    (
        "SELECT inventory.receive('SOUP', 1, lot => 'late', {id})",
        ["deduct_now('LAMP', 1, {id})", "reserve_now('LAMP', 1, {id})"],
    ),
];

const LAMP: [&str; 2] = ["deduct_now('LAMP', 1)", "reserve_now('LAMP', 1)"];

pub async fn what_others_hold_is_busy_in_time(pg: Pg) {
    let db = shop(&pg).await;
    db.stock(&[("FREE", 10_000)]).await;
    let (mut idle, mut admin) = (db.admin().await, db.admin().await);
    for (done, calls) in OBSTACLES {
        let id = Uuid::new_v4();
        let calls = calls.map(|call| with_ids(call, id));
        idle.run(&format!("BEGIN; {}", with_ids(done, id))).await;
        let mut sessions = Vec::new();
        for _ in 0..6 {
            sessions.push(hasty(&db).await);
        }
        let mut movers = db.operators(4).await;
        let waits = join_all(sessions.iter_mut().enumerate().map(|(n, session)| {
            let call = &calls[n % calls.len()];
            async move { busy_in_time(session, call).await }
        }));
        // Everybody else goes on meanwhile.
        let goes_on = join_all(movers.iter_mut().map(|session| async move {
            for _ in 0..40 {
                session.check("SELECT code FROM inventory.deduct_now('FREE', 1)", "ok").await;
            }
        }));
        futures::join!(waits, goes_on);
        idle.run("ROLLBACK").await;
        sessions[0].run(&format!("SELECT FROM inventory.{}", calls[0])).await;
        admin.run("SELECT inventory.receive('LAMP', 5)").await;
    }
    db.verify_is_clean().await;
}

pub async fn a_call_goes_through_when_the_other_is_done(pg: Pg) {
    let db = shop(&pg).await;
    for (end, left) in [("COMMIT", "18"), ("ROLLBACK", "17")] {
        let (mut idle, mut owner) = (db.operator().await, db.owner().await);
        let mut waiter = patient(&db).await;
        idle.run("BEGIN; SELECT inventory.deduct('LAMP', 1)").await;
        let call = waiter.text("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)");
        let release = async {
            until_waiting(&mut owner, 1).await;
            idle.run(end).await;
        };
        assert_eq!(futures::join!(call, release).0, left, "{end}");
    }
    db.verify_is_clean().await;
}

pub async fn a_prepared_transaction_is_somebody_else(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut call) = (db.owner().await, hasty(&db).await);
    op.run("BEGIN; SELECT inventory.deduct('LAMP', 1); PREPARE TRANSACTION 'half'").await;
    busy_in_time(&mut call, "deduct_now('LAMP', 1)").await;
    op.run("COMMIT PREPARED 'half'").await;
    call.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "18").await;
    // A call does not tie its caller's transaction: it can be prepared, too.
    op.run("BEGIN; SELECT inventory.deduct_now('LAMP', 1); SELECT inventory.receive('NONE', 1)")
        .await;
    op.run("PREPARE TRANSACTION 'half'").await;
    op.run("ROLLBACK PREPARED 'half'").await;
    call.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'LAMP'", "17").await;
    db.verify_is_clean().await;
}

pub async fn what_is_ones_own_is_busy_at_once(pg: Pg) {
    let db = shop(&pg).await;
    let mut session = db.admin().await;
    session.run("SET pg_inventory.lock_wait = '10min'").await;
    for (done, calls) in OBSTACLES {
        for call in calls {
            let id = Uuid::new_v4();
            let (done, call) = (with_ids(done, id), with_ids(call, id));
            let call = format!("SELECT inventory.{call}");
            for begin in ["BEGIN", "BEGIN; SAVEPOINT a", "BEGIN ISOLATION LEVEL REPEATABLE READ"] {
                session.run(&format!("{begin}; {done}")).await;
                session.check_refused(&call, "IV014", "this transaction has locked").await;
                session.run("ROLLBACK").await;
            }
            // Locked in a part that is still there, or in one that was undone.
            session.run(&format!("BEGIN; SAVEPOINT a; {done}; RELEASE a; SAVEPOINT b")).await;
            session.check_refused(&call, "IV014", "this transaction has locked").await;
            session.run("ROLLBACK TO b; SELECT inventory.receive('NONE', 1)").await;
            session.check_refused(&call, "IV014", "this transaction has locked").await;
            session.run("ROLLBACK").await;
            let undone = format!("BEGIN; SAVEPOINT a; {done}; ROLLBACK TO a; {call}; ROLLBACK");
            session.run(&undone).await;
        }
    }
    // And what it does not hold is no matter.
    session.run("BEGIN; SELECT inventory.deduct('SOUP', 1)").await;
    session.check("SELECT code FROM inventory.deduct_now('LAMP', 1)", "ok").await;
    session.run("COMMIT").await;
    db.verify_is_clean().await;
}

/// Two that each hold what the other calls for: no detector of deadlocks sees it, and neither hangs.
pub async fn two_that_wait_for_each_other_end(pg: Pg) {
    let db = shop(&pg).await;
    let (mut one, mut two) = (hasty(&db).await, hasty(&db).await);
    one.run("BEGIN; SELECT inventory.deduct('LAMP', 1)").await;
    two.run("BEGIN; SELECT inventory.deduct('SOUP', 1)").await;
    let calls = ["deduct_now('SOUP', 1)", "deduct_now('LAMP', 1)"]
        .map(|call| format!("SELECT code FROM inventory.{call}"));
    let ends = futures::join!(one.query(&calls[0]), two.query(&calls[1]));
    // Whoever gives up first may let the other one through.
    let busy = |end: &Result<_, Refused>| end.as_ref().is_err_and(|r| r.sqlstate == "IV014");
    let ok = |end: &Result<Answer, Refused>| end.as_ref().is_ok_and(|a| a.to_string() == "ok");
    assert!(busy(&ends.0) || busy(&ends.1), "{ends:?}");
    assert!([&ends.0, &ends.1].iter().all(|end| busy(end) || ok(end)), "{ends:?}");
    one.run("ROLLBACK").await;
    two.run("ROLLBACK").await;
    db.verify_is_clean().await;
}

/// Something is in the way of the journal row of one SKU: its call gets the error, its neighbours
/// do not notice.
pub async fn one_call_that_raises_harms_no_other(pg: Pg) {
    let db = shop(&pg).await;
    db.stock(&[("BAD", 100), ("GOOD", 100)]).await;
    let mut owner = db.owner().await;
    let id = "00000000-0000-4000-8000-00000000000a";
    for (table, check) in [
        ("journal", "sku <> 'BAD' OR on_hand_delta > 0".to_owned()),
        ("request", format!("request_id <> '{id}'")),
    ] {
        let add = format!("ALTER TABLE inventory.{table} ADD CONSTRAINT bad CHECK ({check})");
        owner.run(&add).await;
        let bad = format!("SELECT code FROM inventory.deduct_now('BAD', 1, request_id => '{id}')");
        let mut sessions = db.operators(20).await;
        let calls = sessions.iter_mut().enumerate().map(|(n, session)| match n % 5 {
            0 => (session, &*bad),
            1 => (session, "SELECT code FROM inventory.deduct_now('LAMP', 100)"),
            2 => (session, "SELECT code FROM inventory.deduct_now('LAMP', 1)"),
            _ => (session, "SELECT code FROM inventory.deduct_now('GOOD', 1)"),
        });
        let calls = calls.collect();
        let answers = together(&db, calls).await;
        for (n, answer) in answers.iter().enumerate() {
            assert_eq!(answer, ["23514", "IV001", "ok", "ok", "ok"][n % 5], "{answers:?}");
        }
        let refused = sessions[0].refused(&bad).await;
        assert!(refused.sqlstate == "23514" && refused.message.contains("\"bad\""), "{refused}");
        owner.run(&format!("ALTER TABLE inventory.{table} DROP CONSTRAINT bad")).await;
        sessions[0].check(&bad, "ok").await;
        owner.run(&format!("DELETE FROM inventory.request WHERE request_id = '{id}'")).await;
        owner
            .run("UPDATE inventory.journal SET request_id = NULL WHERE request_id IS NOT NULL")
            .await;
    }
    owner.check("SELECT sum(broken_batches) > 0 FROM inventory.group_commit()", "t").await;
}

/// A table that somebody has locked is in the way of all: each is refused in time, and when it is free
/// again all goes on.
pub async fn a_locked_table_is_busy_in_time(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    for table in ["stock", "journal", "request", "stock_00"] {
        let sku = "SELECT 'S' || n FROM generate_series(1, 1000) AS n \
                    WHERE satisfies_hash_partition('inventory.stock'::regclass, 16, 0, 'S' || n) LIMIT 1";
        let sku = owner.text(sku).await;
        db.stock(&[(&sku, 100)]).await;
        owner.run(&format!("BEGIN; LOCK TABLE inventory.{table}")).await;
        let mut sessions = Vec::new();
        for _ in 0..40 {
            sessions.push(hasty(&db).await);
        }
        let call = format!("deduct_now('{sku}', 1, request_id => gen_random_uuid())");
        join_all(sessions.iter_mut().map(|session| busy_in_time(session, &call))).await;
        owner.run("COMMIT").await;
        let call = format!("SELECT code FROM inventory.{call}");
        join_all(sessions.iter_mut().map(|session| session.check(&call, "ok"))).await;
    }
    db.verify_is_clean().await;
}

/// Somebody maintains one leaf: who wants what lies elsewhere does not even meet a batch that broke.
pub async fn a_locked_leaf_stops_its_own_goods_alone(pg: Pg) {
    let db = shop(&pg).await;
    let mut owner = db.owner().await;
    let in_leaf = |leaf: u32| {
        format!(
            "SELECT 'S' || n FROM generate_series(1, 1000) AS n \
              WHERE satisfies_hash_partition('inventory.stock'::regclass, 16, {leaf}, 'S' || n) LIMIT 1"
        )
    };
    let (locked, free) = (owner.text(&in_leaf(3)).await, owner.text(&in_leaf(4)).await);
    db.stock(&[(&locked, 100), (&free, 10_000)]).await;
    let mut sessions = Vec::new();
    for _ in 0..8 {
        sessions.push(hasty(&db).await);
    }
    let mut movers = db.operators(8).await;
    for mode in ["ACCESS EXCLUSIVE", "SHARE"] {
        owner.run(&format!("BEGIN; LOCK TABLE inventory.stock_03 IN {mode} MODE")).await;
        let call = format!("deduct_now('{locked}', 1)");
        let waits = join_all(sessions.iter_mut().map(|session| busy_in_time(session, &call)));
        let call = format!("SELECT code FROM inventory.deduct_now('{free}', 1)");
        let goes_on = join_all(movers.iter_mut().map(|session| async {
            for _ in 0..40 {
                session.check(&call, "ok").await;
            }
        }));
        futures::join!(waits, goes_on);
        owner.run("COMMIT").await;
        let call = format!("SELECT code FROM inventory.deduct_now('{locked}', 1)");
        join_all(sessions.iter_mut().map(|session| session.check(&call, "ok"))).await;
    }
    owner.check("SELECT broken_batches FROM inventory.group_commit() WHERE database = current_database()", "0").await;
    db.verify_is_clean().await;
}
