//! A session may call as often as it likes: its backend does not grow. What counts is the
//! process's own (anonymous) memory; pages of the shared buffers that it touched are not its.

use inventory_tests::{Database, Pg, Refused, Session, promises, soak};

promises!(
    a_session_that_sells_all_day_does_not_grow,
    one_long_transaction_does_not_grow,
    refusals_and_replays_do_not_grow,
);

/// No backend may grow by more, in kilobytes.
const GROWTH_LIMIT: i64 = 10 * 1024;

/// Calls in one message.
const BATCH: usize = 500;

/// The backend's own memory in kilobytes: what the kernel counts, or where that cannot be read,
/// what its memory contexts say.
async fn own_memory(session: &mut Session) -> i64 {
    let pid = session.pid().await;
    let counted = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok();
    let line =
        counted.as_deref().and_then(|text| text.lines().find(|l| l.starts_with("Anonymous:")));
    match line.and_then(|l| l.split_whitespace().nth(1)?.parse().ok()) {
        Some(kilobytes) => kilobytes,
        None => contexts(session).await,
    }
}

/// What the backend's memory contexts hold, in kilobytes. The view is for superusers.
async fn contexts(session: &mut Session) -> i64 {
    session.number("SELECT sum(total_bytes)::bigint / 1024 FROM pg_backend_memory_contexts").await
}

async fn call(session: &mut Session, sku: &str, id: Option<uuid::Uuid>) {
    sqlx::query("SELECT * FROM inventory.try_deduct($1, 1, request_id => $2)")
        .bind(sku)
        .bind(id)
        .fetch_all(&mut session.connection)
        .await
        .unwrap_or_else(|e| panic!("{}", Refused::from(e)));
}

/// Many calls in one message, each in a transaction of its own or all in the one that is open: the
/// client's work would otherwise take most of the time.
async fn calls(session: &mut Session, numbers: std::ops::Range<usize>, form: fn(usize) -> String) {
    let sql: String = numbers.map(form).collect();
    session.run(&sql).await;
}

async fn shop(pg: &Pg, skus: usize) -> Database {
    let db = pg.database().await;
    let mut owner = db.owner().await;
    owner
        .run(&format!(
            "SELECT count(inventory.put_product('S' || n, 'Product')), count(inventory.receive('S' || n, 10000000)) \
               FROM generate_series(1, {skus}) AS n"
        ))
        .await;
    db
}

/// Asserts both: the whole growth, and that the second half of the calls added next to nothing, so
/// that ten times as many would not either.
fn check_growth(what: &str, before: i64, halfway: i64, after: i64) {
    let growth = after - before;
    eprintln!("{what}: {before} kB, {halfway} kB halfway, {after} kB");
    assert!(growth < GROWTH_LIMIT, "{what}: grew by {growth} kB, from {before} to {after}");
    let late = after - halfway;
    assert!(late < 1024, "{what}: still growing, by {late} kB in the second half");
}

async fn a_session_that_sells_all_day_does_not_grow(pg: Pg) {
    let db = shop(&pg, 200).await;
    let total = if soak() { 1_000_000 } else { 100_000 };
    let mut session = db.owner().await;
    session.run("SET synchronous_commit = off").await;
    call(&mut session, "S1", None).await;
    let before = own_memory(&mut session).await;
    for n in 0..BATCH {
        call(&mut session, &format!("S{}", 1 + n % 200), Some(uuid::Uuid::new_v4())).await;
    }
    let mut halfway = 0;
    for batch in 1..total / BATCH {
        calls(&mut session, batch * BATCH..(batch + 1) * BATCH, |n| {
            let sku = 1 + n % 200;
            format!("BEGIN; SELECT inventory.deduct('S{sku}', 1, request_id => gen_random_uuid()); COMMIT;")
        })
        .await;
        if batch == total / BATCH / 2 {
            halfway = own_memory(&mut session).await;
        }
    }
    let after = own_memory(&mut session).await;
    check_growth(&format!("pg{}: {total} calls", pg.major), before, halfway, after);
    session.check("SELECT count(*) FROM inventory.request", &total.to_string()).await;
}

async fn one_long_transaction_does_not_grow(pg: Pg) {
    let db = shop(&pg, 1_000).await;
    let total = 100_000;
    let mut session = db.owner().await;
    call(&mut session, "S1", None).await;
    let before = own_memory(&mut session).await;
    session.run("BEGIN").await;
    for batch in 0..total / BATCH {
        calls(&mut session, batch * BATCH..(batch + 1) * BATCH, |n| {
            format!("SELECT inventory.deduct('S{}', 1);", 1 + n % 1_000)
        })
        .await;
    }
    // Still within it. PostgreSQL itself notes each row version that a transaction replaced of its
    // own: that is part of the limit, and grows with the calls.
    let after = own_memory(&mut session).await;
    let growth = after - before;
    eprintln!("pg{}: {total} calls in one transaction: {before} kB, then {after} kB", pg.major);
    assert!(growth < GROWTH_LIMIT, "grew by {growth} kB, from {before} to {after}");
    session.run("COMMIT").await;
    session
        .check(
            "SELECT min(on_hand), max(on_hand) FROM inventory.stock_level WHERE sku <> 'S1'",
            "9999900|9999900",
        )
        .await;
}

async fn refusals_and_replays_do_not_grow(pg: Pg) {
    let db = shop(&pg, 1).await;
    let mut session = db.owner().await;
    let id = uuid::Uuid::new_v4();
    call(&mut session, "S1", Some(id)).await;
    let before = own_memory(&mut session).await;
    let mut halfway = 0;
    for n in 1..=4_000 {
        call(&mut session, "S1", Some(id)).await;
        call(&mut session, "NONE", None).await;
        let refused = session.query("SELECT inventory.deduct('S1', 100000000)").await;
        assert_eq!(refused.err().map(|r| r.sqlstate).as_deref(), Some("IV001"));
        if n == 2_000 {
            halfway = own_memory(&mut session).await;
        }
    }
    let after = own_memory(&mut session).await;
    check_growth(&format!("pg{}: refusals and replays", pg.major), before, halfway, after);
}
