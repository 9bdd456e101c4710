//! Order numbers: 23 digits, per warehouse each greater than all given before, whatever happens to
//! the server and its clock. A number counts as given when the transaction that drew it committed.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_core::order_number::OrderNumber;
use inventory_tests::clock::Clock;
use inventory_tests::{Database, Pg, User, Verdict, promises, skipped, soak};

promises!(
    a_number_has_its_time_warehouse_and_sequence,
    both_forms_order_the_same_way,
    more_than_a_million_in_a_second_run_on,
    no_number_comes_again_when_the_clock_steps_back_and_the_server_is_killed,
    a_number_that_a_reader_took_survives_a_crash,
    a_cancelled_draw_leaves_no_lock,
    an_idle_session_stops_nobody,
    a_rolled_back_number_is_a_gap,
);

const WAREHOUSES: i32 = 3;

async fn a_number_has_its_time_warehouse_and_sequence(pg: Pg) {
    let db = pg.database().await;
    let mut op = db.operator().await;
    db.admin().await.run("SELECT inventory.put_warehouse(42, 'X', 'X')").await;
    for (warehouse, call) in [(1, "next_order_no()"), (42, "next_order_no(42)")] {
        let sql = format!(
            "SELECT no ~ '^[0-9]{{23}}$', substr(no, 15, 3)::int, \
                    abs(extract(epoch FROM to_timestamp(substr(no, 1, 14) || '+00', 'YYYYMMDDHH24MISSTZH') - clock_timestamp())) < 10 \
               FROM (SELECT inventory.{call} AS no) AS drawn"
        );
        op.check(&sql, &format!("t|{warehouse}|t")).await;
    }
    // The session's time zone has no part in it.
    op.run("SET TimeZone = 'Pacific/Kiritimati'").await;
    op.check(
        "SELECT abs(extract(epoch FROM to_timestamp(substr(inventory.next_order_no(), 1, 14), 'YYYYMMDDHH24MISS')::timestamp \
                - clock_timestamp() AT TIME ZONE 'UTC')) < 10",
        "t",
    )
    .await;
}

async fn both_forms_order_the_same_way(pg: Pg) {
    let db = pg.database().await;
    let mut op = db.operator().await;
    let mut drawn = Vec::new();
    for _ in 0..100 {
        let id = op.number("SELECT inventory.next_order_id()").await;
        drawn.push((OrderNumber::from_id(id).text(), id));
        let text = op.text("SELECT inventory.next_order_no()").await;
        let id = OrderNumber::parse(&text).expect("a number that can be read").id();
        drawn.push((text, id));
    }
    assert!(drawn.is_sorted_by(|a, b| a.0 < b.0 && a.1 < b.1), "{drawn:?}");
    // By id, by text and by time of drawing, over warehouses too where the seconds differ.
    let lowest = OrderNumber::parse("20240520123001001000001").unwrap();
    let later = OrderNumber::parse("20240520123002001000000").unwrap();
    let elsewhere = OrderNumber::parse("20240520123001999000000").unwrap();
    assert!(lowest.id() < elsewhere.id() && elsewhere.id() < later.id());
}

async fn more_than_a_million_in_a_second_run_on(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 100)]).await;
    let mut op = db.operator().await;
    op.run("SELECT inventory.next_order_no()").await;
    // As if all but two of a second's million had been drawn, a while ahead of the clock.
    db.owner()
        .await
        .run(
            "SELECT setval('inventory.order_number_001', \
                    (extract(epoch FROM date_trunc('second', clock_timestamp()))::bigint + 100) * 1000000 + 999997)",
        )
        .await;
    let mut drawn = Vec::new();
    for _ in 0..4 {
        drawn.push(op.text("SELECT inventory.next_order_no()").await);
    }
    let sequence: Vec<_> = drawn.iter().map(|no| &no[17..]).collect();
    assert_eq!(sequence, ["999998", "999999", "000000", "000001"]);
    assert_eq!(drawn[0][..14], drawn[1][..14]);
    assert!(drawn[1][..14] < drawn[2][..14] && drawn[2][..14] == drawn[3][..14], "{drawn:?}");
    let next = op.text("SELECT order_no FROM inventory.deduct('A', 1)").await;
    assert_eq!(next[17..], *"000002", "orders draw from the same numbers");
}

/// One number that a client was given, and when.
struct Given {
    client: usize,
    warehouse: i32,
    number: String,
    asked: Instant,
    answered: Instant,
    /// Drawn by an order, so that it stands in the journal too.
    by_order: bool,
}

const CLIENTS: usize = 64;

async fn no_number_comes_again_when_the_clock_steps_back_and_the_server_is_killed(
    pg: Pg,
) -> Verdict {
    let Some(clock) = Clock::new() else { return skipped(Clock::MISSING) };
    let db = pg.private_database(|server| clock.of(server)).await;
    prepare(&db).await;

    let stop = Cell::new(false);
    let clients = (0..CLIENTS).map(|client| draw_until(&db, client, &stop));
    let trouble = make_trouble(&db, &clock, &stop);
    let (logs, ()) = futures::join!(join_all(clients), trouble);
    let given: Vec<_> = logs.into_iter().flatten().collect();

    check_log(&given);
    check_journal(&db, &given).await;
    db.verify_is_clean().await;
    Verdict::Passed
}

async fn prepare(db: &Database) {
    db.stock(&[("A", 1_000_000_000)]).await;
    let mut admin = db.admin().await;
    for id in 2..=WAREHOUSES {
        admin.run(&format!("SELECT inventory.put_warehouse({id}, 'W{id}', 'W')")).await;
        admin.run(&format!("SELECT inventory.receive('A', 1000000000, {id})")).await;
    }
}

/// A crash, a clock an hour back, a crash, and the clock forward again: a quarter of the time each.
async fn make_trouble(db: &Database, clock: &Clock, stop: &Cell<bool>) {
    let quarter = Duration::from_secs(if soak() { 15 } else { 5 });
    tokio::time::sleep(quarter).await;
    crash(db).await;
    tokio::time::sleep(quarter).await;
    clock.set("-3600");
    let behind = "SELECT round(extract(epoch FROM clock_timestamp()))";
    let behind = db.owner().await.number(behind).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let back = now.as_secs() as i64 - behind;
    assert!((3590..3610).contains(&back), "the server's clock stepped back: {back} s");
    tokio::time::sleep(quarter).await;
    crash(db).await;
    tokio::time::sleep(quarter).await;
    stop.set(true);
}

async fn crash(db: &Database) {
    let server = db.server.clone();
    let restart = tokio::task::spawn_blocking(move || {
        server.kill();
        server.start_again();
    });
    restart.await.unwrap();
}

/// Draws in several ways, connecting again where the server went away. Logs what was committed.
async fn draw_until(db: &Database, client: usize, stop: &Cell<bool>) -> Vec<Given> {
    let mut log = Vec::new();
    let warehouse = 1 + client as i32 % WAREHOUSES;
    while !stop.get() {
        let Ok(mut session) = db.try_session(User::Operator).await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        for round in 0.. {
            let (by_order, sql) = match round % 4 {
                0 => (true, format!("SELECT order_no FROM inventory.deduct('A', 1, {warehouse})")),
                1 => (false, format!("BEGIN; SELECT inventory.next_order_no({warehouse}); COMMIT")),
                2 => {
                    (false, format!("BEGIN; SELECT inventory.next_order_no({warehouse}); ROLLBACK"))
                }
                _ => (false, format!("SELECT inventory.next_order_no({warehouse})")),
            };
            let asked = Instant::now();
            let Ok(answer) = session.query(&sql).await else { break };
            if round % 4 != 2 {
                let number = answer.to_string();
                let answered = Instant::now();
                log.push(Given { client, warehouse, number, asked, answered, by_order });
            }
            if stop.get() {
                break;
            }
        }
    }
    log
}

/// What the clients' own logs say: no number twice, each connection's rise, and none is at or below
/// one that was already given when it was asked for.
fn check_log(given: &[Given]) {
    assert!(given.len() > 5_000, "only {} numbers were drawn", given.len());
    let mut seen = HashMap::new();
    for g in given {
        let number = OrderNumber::parse(&g.number).unwrap_or_else(|| panic!("{}", g.number));
        assert_eq!(number.warehouse_id(), g.warehouse);
        if let Some(other) = seen.insert(&g.number, g.client) {
            panic!("{} was given to clients {other} and {}", g.number, g.client);
        }
    }
    for client in 0..CLIENTS {
        let own: Vec<_> = given.iter().filter(|g| g.client == client).map(|g| &g.number).collect();
        assert!(own.is_sorted(), "the numbers of client {client} do not rise");
    }
    for warehouse in 1..=WAREHOUSES {
        check_rising(given.iter().filter(|g| g.warehouse == warehouse).collect());
    }
}

fn check_rising(mut given: Vec<&Given>) {
    given.sort_by_key(|g| g.answered);
    // The greatest number answered up to each moment.
    let mut greatest: BTreeMap<Instant, &str> = BTreeMap::new();
    let mut so_far = "";
    for g in &given {
        so_far = so_far.max(&g.number);
        greatest.insert(g.answered, so_far);
    }
    for g in &given {
        if let Some((_, before)) = greatest.range(..g.asked).next_back() {
            assert!(*before < g.number.as_str(), "{} came after {before}", g.number);
        }
    }
}

/// Orders whose answer was lost in a crash have numbers as well: none is anybody else's.
async fn check_journal(db: &Database, given: &[Given]) {
    let journal = "SELECT order_no FROM inventory.journal WHERE order_no IS NOT NULL";
    let journal = db.owner().await.text(journal).await;
    let written: HashSet<_> = journal.lines().collect();
    assert_eq!(written.len(), journal.lines().count(), "each order has a number of its own");
    for g in given {
        assert_eq!(
            written.contains(g.number.as_str()),
            g.by_order,
            "{}: an order's number is in the journal, and nobody else's is",
            g.number
        );
    }
}

async fn a_cancelled_draw_leaves_no_lock(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("A", 1_000_000)]).await;
    let mut owner = db.owner().await;
    let mut sessions = db.operators(8).await;
    let mut pids = Vec::new();
    for session in &mut sessions {
        pids.push(session.pid().await.to_string());
    }
    let cancelled = Cell::new(0);
    let stop = Cell::new(false);
    let draws = sessions.iter_mut().map(|session| {
        let (cancelled, stop) = (&cancelled, &stop);
        async move {
            while !stop.get() {
                for sql in [
                    "SELECT count(inventory.next_order_no()) FROM generate_series(1, 200)",
                    "SELECT count(*) FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[200]), array_fill('A'::text, ARRAY[200]), array_fill(1::bigint, ARRAY[200]))",
                    "BEGIN; SELECT inventory.next_order_no(); SAVEPOINT s; SELECT inventory.next_order_no(); ROLLBACK TO s; COMMIT",
                ] {
                    if let Err(refused) = session.query(sql).await {
                        assert_eq!(refused.sqlstate, "57014", "{refused}");
                        cancelled.set(cancelled.get() + 1);
                        // A cancel may come late and hit this one instead.
                        for _ in 0..5 {
                            if session.query("ROLLBACK").await.is_ok() {
                                break;
                            }
                        }
                    }
                }
            }
        }
    });
    let cancel = async {
        let list = pids.join(", ");
        // A clock that seems to have jumped makes every draw go through the critical section.
        for _ in 0..300 {
            owner.run("SELECT setval('inventory.order_number_001', 1)").await;
            owner.run(&format!("SELECT pg_cancel_backend(pid) FROM unnest(ARRAY[{list}]) AS pid WHERE random() < 0.5")).await;
        }
        stop.set(true);
    };
    futures::join!(join_all(draws), cancel);
    assert!(cancelled.get() > 50, "only {} calls were cancelled", cancelled.get());
    // The sessions are open still, and hold nothing.
    let mut owner = db.owner().await;
    owner
        .check("SELECT locktype, classid, objid, pid FROM pg_locks WHERE locktype = 'advisory'", "")
        .await;
    owner
        .check(
            "SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) \
              WHERE a.usename = 'shop_operator'",
            "0",
        )
        .await;
    for session in &mut sessions {
        session.run("SELECT inventory.next_order_no()").await;
    }
    // Set back by hand, the numbers were given again: that alone verify() may find.
    let others = "SELECT * FROM inventory.verify() WHERE check_name NOT LIKE 'order%'";
    db.owner().await.check(others, "").await;
}

/// Nothing but the draw is in these transactions: no row is written that would make their commit
/// wait for the log, and the sequence's own record may be another transaction's.
async fn a_number_that_a_reader_took_survives_a_crash(pg: Pg) {
    let db = pg.private_database(|builder| builder).await;
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.next_order_no()").await;
    // Ahead of the clock, as after it stepped back: no draw sets the sequence forward.
    owner
        .run(
            "SELECT setval('inventory.order_number_001', \
                    (extract(epoch FROM clock_timestamp())::bigint + 3600) * 1000000)",
        )
        .await;
    owner.run("CHECKPOINT").await;
    let mut open = db.operator().await;
    open.run("BEGIN; SELECT inventory.next_order_no()").await;
    let mut op = db.operator().await;
    let mut last = String::new();
    for draw in ["next_order_no()", "next_order_no()", "next_order_no()"] {
        last = op.text(&format!("SELECT inventory.{draw}")).await;
    }
    let id = op.number("SELECT inventory.next_order_id()").await;
    crash(&db).await;
    let mut op = db.operator().await;
    let next = op.text("SELECT inventory.next_order_no()").await;
    assert!(next > last, "{next} after {last}");
    assert!(OrderNumber::parse(&next).unwrap().id() > id, "{next} after {id}");
}

async fn an_idle_session_stops_nobody(pg: Pg) {
    let db = pg.database().await;
    let (mut idle, mut other) = (db.operator().await, db.operator().await);
    for drawn in ["SELECT inventory.next_order_no()", "SELECT inventory.next_order_id()"] {
        idle.run(&format!("BEGIN; {drawn}")).await;
        other.run("SET statement_timeout = '10s'").await;
        let first = other.text("SELECT inventory.next_order_no()").await;
        db.owner()
            .await
            .check("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'", "0")
            .await;
        let mine = idle.text("SELECT inventory.next_order_no()").await;
        assert!(mine > first);
        idle.run("COMMIT").await;
    }
}

async fn a_rolled_back_number_is_a_gap(pg: Pg) {
    let db = pg.database().await;
    let mut op = db.operator().await;
    let lost = op.text("BEGIN; SELECT inventory.next_order_no(); ROLLBACK").await;
    let next = op.text("SELECT inventory.next_order_no()").await;
    assert!(next > lost, "{next} after {lost}");
    let lost = op
        .text("BEGIN; SAVEPOINT s; SELECT inventory.next_order_no(); ROLLBACK TO s; COMMIT")
        .await;
    assert!(op.text("SELECT inventory.next_order_no()").await > lost);
}
