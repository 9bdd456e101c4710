//! What a call answers and writes.

use std::collections::HashSet;

use futures::future::join_all;
use inventory_tests::clock::TIME_PASSES;
use inventory_tests::{Database, Pg, Session, User, chaos};

/// A lamp, a lot-controlled soup, and a warehouse without anything.
pub async fn shop(pg: &Pg) -> Database {
    let db = pg.preloaded_database().await;
    let mut owner = db.owner().await;
    owner.run(TIME_PASSES).await;
    owner
        .run(
            "SELECT inventory.put_warehouse(2, 'NORTH', 'North');
             SELECT inventory.put_product('LAMP', 'Lamp', 5);
             SELECT inventory.receive('LAMP', 20);
             SELECT inventory.put_product('SOUP', 'Soup', lot_controlled => true);
             SELECT inventory.receive('SOUP', 4, lot => 'late', expires_on => current_date + 90);
             SELECT inventory.receive('SOUP', 4, lot => 'soon', expires_on => current_date + 3);
             SELECT inventory.receive('SOUP', 4, lot => 'gone', expires_on => current_date + 1);
             SELECT inventory.put_product('NONE', 'Nothing')",
        )
        .await;
    // The lots come a day nearer, and then another: one is past its time.
    owner.run("SELECT public.time_passes('2 days', 'SOUP')").await;
    db
}

/// Calls one after the other; `{f}` stands for the function's name.
const DEDUCTIONS: [&str; 30] = [
    "{f}('LAMP', 2)",
    "{f}('LAMP', 3, 1, NULL, 'gift', NULL, 'Ann', 'trace-1')",
    "{f}('LAMP', 1, request_id => '00000000-0000-4000-8000-000000000001')",
    "{f}('LAMP', 1, request_id => '00000000-0000-4000-8000-000000000001')",
    "{f}('LAMP', 1, reason => 'sale', request_id => '00000000-0000-4000-8000-000000000001', operator => 'Bob')",
    "{f}('LAMP', 2, request_id => '00000000-0000-4000-8000-000000000001')",
    "{f}('LAMP', 1, reason => 'other', request_id => '00000000-0000-4000-8000-000000000001')",
    "{f}('LAMP', 10)",
    "{f}('LAMP', 1, 2)",
    "{f}('LAMP', 1, 3)",
    "{f}('NONE', 1)",
    "{f}('lamp', 1)",
    "{f}('LAMP', 5)",
    "{f}('LAMP', 4)",
    "{f}('SOUP', 3)",
    "{f}('SOUP', 2, lot => 'late')",
    "{f}('SOUP', 1, lot => 'gone')",
    "{f}('SOUP', 1, lot => 'none')",
    "{f}('SOUP', 3)",
    "{f}('SOUP', 1)",
    "{f}('LAMP', 0)",
    "{f}('LAMP', -1)",
    "{f}('LAMP', 1000000000001)",
    "{f}(NULL, 1)",
    "{f}('LAMP', NULL)",
    "{f}('', 1)",
    "{f}('LAMP', 1, NULL)",
    "{f}('LAMP', 1, lot => 'x')",
    "{f}('LAMP', 1, reason => NULL)",
    "{f}('LAMP', 1, operator => E'a\\nb')",
];

const HOLDS: [&str; 10] = [
    "{f}('LAMP', 2)",
    "{f}('LAMP', 1, request_id => '00000000-0000-4000-8000-000000000002')",
    "{f}('LAMP', 1, request_id => '00000000-0000-4000-8000-000000000002')",
    "{f}('LAMP', 1, ttl => '1 hour', request_id => '00000000-0000-4000-8000-000000000002')",
    "{f}('LAMP', 30)",
    "{f}('SOUP', 2)",
    "{f}('SOUP', 1, lot => 'late')",
    "{f}('nobody', 1)",
    "{f}('LAMP', 1, ttl => '0 seconds')",
    "{f}('LAMP', 1, ttl => NULL)",
];

/// What the calls answered and wrote, but for what chance and clock put in.
async fn run(pg: &Pg, calls: &[&str], columns: &str, function: &str) -> Vec<String> {
    let db = shop(pg).await;
    let mut op = db.operator().await;
    let mut said = Vec::new();
    for call in calls {
        let sql = format!("SELECT {columns} FROM inventory.{}", call.replace("{f}", function));
        said.push(match op.query(&sql).await {
            Ok(answer) => format!("{call}: {answer}"),
            Err(refused) => format!("{call}: {refused}"),
        });
    }
    let mut owner = db.owner().await;
    for table in [
        "SELECT event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, \
                request_id, reason, operator, db_user, trace_id, order_no IS NULL, reservation_id IS NULL, extra, \
                generation FROM inventory.journal ORDER BY id",
        "SELECT request_id, fingerprint, levels, movements, order_id IS NULL, reservation_id IS NULL, \
                expires_at - at FROM inventory.request ORDER BY 1",
        "SELECT sku, warehouse_id, lot, on_hand, reserved, version FROM inventory.stock ORDER BY 1, 2, 3",
    ] {
        said.push(owner.text(table).await);
    }
    db.verify_is_clean().await;
    said
}

pub async fn it_answers_as_a_deduction_does(pg: Pg) {
    let columns = "code, order_no IS NULL, on_hand, reserved, available, replayed";
    let plain = run(&pg, &DEDUCTIONS, columns, "deduct").await;
    let now = run(&pg, &DEDUCTIONS, columns, "deduct_now").await;
    assert_eq!(plain, now);
    for code in ["IV001", "IV002", "IV003", "IV004", "IV009", "IV011"] {
        assert!(plain.iter().any(|said| said.contains(code)), "{code} occurs in {plain:#?}");
    }
}

pub async fn a_hold_made_now_is_as_any_other(pg: Pg) {
    let columns =
        "reservation_id IS NULL, expires_at > now(), on_hand, reserved, available, replayed";
    let plain = run(&pg, &HOLDS, columns, "reserve").await;
    let now = run(&pg, &HOLDS, columns, "reserve_now").await;
    assert_eq!(plain, now);

    let db = shop(&pg).await;
    let (mut op, mut owner) = (db.operator().await, db.owner().await);
    let hold = "SELECT reservation_id FROM inventory.reserve_now('LAMP', 8)";
    let (first, second) = (op.text(hold).await, op.text(hold).await);
    assert_ne!(first, second);
    op.check_refused("SELECT inventory.deduct_now('LAMP', 5)", "IV001", "requested 5 units, avail")
        .await;
    op.check(&format!("SELECT code, state FROM inventory.confirm('{first}')"), "ok|CONFIRMED")
        .await;
    // It is gone when its time is over, whether anybody sweeps or not, and its goods are for sale.
    owner.run("SELECT public.time_passes('16 minutes', 'LAMP')").await;
    op.check("SELECT on_hand, reserved, available FROM inventory.deduct_now('LAMP', 10)", "2|0|2")
        .await;
    op.check_refused(&format!("SELECT inventory.confirm('{second}')"), "IV006", "").await;
    db.verify_is_clean().await;
}

/// The same call by all of them at once.
async fn by_all(sessions: &mut [Session], sql: &str) -> Vec<String> {
    join_all(sessions.iter_mut().map(|session| session.text(sql))).await
}

pub async fn a_request_id_has_one_effect(pg: Pg) {
    let db = shop(&pg).await;
    let mut sessions = db.operators(30).await;
    let call = |function: &str, n: u32| {
        format!(
            "SELECT code, order_no, on_hand, replayed FROM inventory.{function}('LAMP', 1, \
             request_id => '00000000-0000-4000-8000-{n:012}')"
        )
    };
    let answers = by_all(&mut sessions, &call("deduct_now", 1)).await;
    let first: Vec<_> = answers.iter().filter_map(|a| a.strip_suffix("|f")).collect();
    assert_eq!(first.len(), 1, "{answers:?}");
    let again = format!("{}|t", first[0]);
    assert_eq!(answers.iter().filter(|a| **a == again).count(), 29, "{answers:?}");
    // Whichever way it comes, and whichever way it came first.
    let op = &mut sessions[0];
    for function in ["deduct", "try_deduct", "deduct_now"] {
        op.check(&call(function, 1), &again).await;
    }
    let many = "SELECT code, on_hand, replayed FROM inventory.deduct_many(\
        ARRAY['00000000-0000-4000-8000-000000000001']::uuid[], ARRAY['LAMP'], ARRAY[1])";
    op.check(many, "ok|19|t").await;
    let first = op.text(&call("deduct", 2)).await;
    let again = format!("{}|t", first.strip_suffix("|f").expect("it is the first"));
    op.check(&call("deduct_now", 2), &again).await;
    // Another content, beside the right one and by itself.
    let other = call("deduct_now", 3).replace("1, request", "2, request");
    let right = call("deduct_now", 3);
    let (some, others) = sessions.split_at_mut(15);
    let some = join_all(some.iter_mut().map(|session| session.query(&right)));
    let others = join_all(others.iter_mut().map(|session| session.query(&other)));
    let (some, others) = futures::join!(some, others);
    let refused = |all: &[Result<_, inventory_tests::Refused>]| {
        all.iter().filter(|a| a.as_ref().is_err_and(|r| r.sqlstate == "IV009")).count()
    };
    // Whichever came first is the one that counts.
    assert_eq!([refused(&some), refused(&others)].iter().sum::<usize>(), 15);
    assert!([0, 15].contains(&refused(&some)), "{some:?}");
    db.verify_is_clean().await;
}

pub async fn order_numbers_rise(pg: Pg) {
    let db = pg.preloaded_database().await;
    db.stock(&[("HOT", 2_000), ("COLD", 2_000)]).await;
    let mut sessions = db.operators(24).await;
    let runs = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let sku = if n % 3 == 0 { "COLD" } else { "HOT" };
        let sql = format!("SELECT order_no FROM inventory.deduct_now('{sku}', 1)");
        let mut numbers = Vec::new();
        for _ in 0..30 {
            numbers.push(session.text(&sql).await);
        }
        numbers
    });
    let numbers = join_all(runs).await;
    for own in &numbers {
        assert!(own.is_sorted_by(|a, b| a < b), "each is greater than those before it: {own:?}");
    }
    let all: HashSet<_> = numbers.into_iter().flatten().collect();
    assert_eq!(all.len(), 24 * 30, "no number twice");
    // In the order of their movements, too.
    let (mut owner, mut op) = (db.owner().await, db.operator().await);
    owner
        .check(
            "SELECT count(*) FROM (SELECT order_no < lag(order_no) OVER (PARTITION BY sku ORDER BY id) AS falls \
               FROM inventory.journal WHERE order_no IS NOT NULL) AS numbers WHERE falls",
            "0",
        )
        .await;
    let last = owner.text("SELECT max(order_no) FROM inventory.journal").await;
    assert!(op.text("SELECT inventory.next_order_no()").await > last);
    db.verify_is_clean().await;
}

/// Runs calls of these sessions in one batch: they are posted while the committer stands still.
pub async fn together(db: &Database, calls: Vec<(&mut Session, &str)>) -> Vec<String> {
    let mut owner = db.owner().await;
    owner
        .query("SELECT inventory.deduct_now('LAMP', 1000)")
        .await
        .expect_err("so many are not there");
    let committer = chaos::committer(&mut owner, &db.name).await.expect("it has answered");
    chaos::halt(committer);
    let count = calls.len();
    let all = join_all(calls.into_iter().map(|(session, sql)| async move {
        session
            .query(sql)
            .await
            .map_or_else(|refused| refused.sqlstate, |answer| answer.to_string())
    }));
    let release = async {
        until_waiting(&mut owner, count).await;
        chaos::go_on(committer);
    };
    futures::join!(all, release).0
}

/// Polls until that many sessions of this database wait for a committer.
pub async fn until_waiting(owner: &mut Session, count: usize) {
    owner
        .until(&format!(
            "SELECT count(*) >= {count} FROM pg_stat_activity WHERE datname = current_database() \
                AND wait_event_type = 'Extension' AND backend_type = 'client backend' AND state = 'active'"
        ))
        .await;
}

pub async fn the_journal_names_who_called(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut admin, mut other) =
        (db.operator().await, db.admin().await, db.operator().await);
    let call = |operator: &str, n: u32| {
        format!(
            "SELECT code FROM inventory.deduct_now('LAMP', {n}, operator => '{operator}', trace_id => 't{n}')"
        )
    };
    let sql = [call("Ann", 1), call("Bob", 2), call("Cid", 3)];
    let calls = vec![(&mut op, &*sql[0]), (&mut admin, &*sql[1]), (&mut other, &*sql[2])];
    assert_eq!(together(&db, calls).await, ["ok", "ok", "ok"]);
    let mut owner = db.owner().await;
    owner
        .check(
            "SELECT on_hand_delta, db_user, operator, trace_id, dense_rank() OVER (ORDER BY xid) \
               FROM inventory.journal WHERE operator IS NOT NULL ORDER BY operator",
            "-1|shop_operator|Ann|t1|1
             -2|shop_admin|Bob|t2|1
             -3|shop_operator|Cid|t3|1",
        )
        .await;
    db.verify_is_clean().await;
}

pub async fn low_stock_is_told_once(pg: Pg) {
    let db = shop(&pg).await;
    let mut sessions = db.operators(18).await;
    by_all(&mut sessions, "SELECT inventory.deduct_now('LAMP', 1)").await;
    let alerts = "SELECT event_type, payload->>'sku', payload->>'on_hand' FROM inventory.outbox \
         WHERE event_type IN ('LOW_STOCK', 'STOCK_RECOVERED') ORDER BY id";
    let mut owner = db.owner().await;
    owner.check(alerts, "LOW_STOCK|LAMP|5").await;
    owner.run("SELECT inventory.receive('LAMP', 10)").await;
    owner.check(alerts, "LOW_STOCK|LAMP|5\nSTOCK_RECOVERED|LAMP|12").await;
    db.verify_is_clean().await;
}

pub async fn rights_are_the_callers(pg: Pg) {
    let db = shop(&pg).await;
    for (user, expected) in [
        (User::Stranger, "42501"),
        (User::Reader, "42501"),
        (User::Operator, "ok"),
        (User::Admin, "ok"),
    ] {
        let mut session = db.session(user).await;
        for call in ["deduct_now('LAMP', 1)", "reserve_now('LAMP', 1)"] {
            let sql = format!("SELECT 'ok' FROM inventory.{call}");
            let answer = session.query(&sql).await.map_or_else(|r| r.sqlstate, |a| a.to_string());
            assert_eq!(answer, expected, "{user:?} {call}");
        }
    }
    db.verify_is_clean().await;
}

pub async fn the_effect_outlives_the_callers_transaction(pg: Pg) {
    let db = shop(&pg).await;
    let (mut op, mut other) = (db.operator().await, db.operator().await);
    let on_hand = "SELECT on_hand FROM inventory.stock_level WHERE sku = 'LAMP'";
    op.run("BEGIN").await;
    op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "19").await;
    other.check(on_hand, "19").await;
    op.check(on_hand, "19").await;
    op.run("SAVEPOINT s").await;
    op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "18").await;
    op.run("ROLLBACK TO s").await;
    op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", "17").await;
    op.run("ROLLBACK").await;
    other.check(on_hand, "17").await;
    // From within a function that catches what it raises.
    other
        .check_refused(
            "DO $$ BEGIN
                 PERFORM inventory.deduct_now('LAMP', 1);
                 BEGIN
                     PERFORM inventory.deduct_now('LAMP', 1);
                     PERFORM inventory.deduct_now('LAMP', 100);
                 EXCEPTION WHEN SQLSTATE 'IV001' THEN
                     PERFORM inventory.deduct_now('LAMP', 1);
                 END;
                 RAISE EXCEPTION 'too late' USING ERRCODE = 'P0001', DETAIL = 'all of it';
             END $$",
            "P0001",
            "all of it",
        )
        .await;
    other.check(on_hand, "14").await;
    // Whoever keeps a snapshot keeps it: the effect is there all the same.
    for level in ["REPEATABLE READ", "SERIALIZABLE"] {
        let before = other.number(on_hand).await;
        op.run(&format!("BEGIN ISOLATION LEVEL {level}; {on_hand}")).await;
        other.run("SELECT inventory.deduct_now('LAMP', 1)").await;
        let left = format!("{}", before - 2);
        op.check("SELECT on_hand FROM inventory.deduct_now('LAMP', 1)", &left).await;
        op.check(on_hand, &before.to_string()).await;
        op.run("COMMIT").await;
        op.check(on_hand, &left).await;
    }
    for mode in ["default_transaction_read_only = off", "default_transaction_read_only = on"] {
        op.run(&format!("SET {mode}")).await;
        op.run("BEGIN READ ONLY").await;
        op.check_refused("SELECT inventory.deduct_now('LAMP', 1)", "25006", "").await;
        op.run("ROLLBACK").await;
    }
    op.check_refused("SELECT inventory.deduct_now('LAMP', 1)", "25006", "").await;
    db.verify_is_clean().await;
}
