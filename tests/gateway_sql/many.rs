//! `execute_many`.

use futures::future::join_all;
use inventory_tests::{Database, Pg, Session};
use std::time::{Duration, Instant};
use uuid::Uuid;

async fn shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    db.stock(&[("A", 10), ("B", 10), ("C", 10)]).await;
    db.admin().await.run("SELECT inventory.put_product('L', 'Lots', lot_controlled => true)").await;
    db
}

/// A list as an SQL array of texts; `NULL` stays what it is.
fn texts(list: &[&str]) -> String {
    let quoted = list.iter().map(|t| if *t == "NULL" { "NULL".into() } else { format!("'{t}'") });
    format!("ARRAY[{}]", quoted.collect::<Vec<_>>().join(", "))
}

/// A call of these lines: kind, request id, SKU, quantity.
fn call(lines: &[(&str, &str, &str, i64)], more: &str) -> String {
    let column =
        |pick: fn(&(&str, &str, &str, i64)) -> String| lines.iter().map(pick).collect::<Vec<_>>();
    let (kinds, ids) = (column(|l| l.0.into()), column(|l| l.1.into()));
    let (skus, qtys) = (column(|l| l.2.into()), column(|l| l.3.to_string()));
    let list = |items: &[String]| texts(&items.iter().map(String::as_str).collect::<Vec<_>>());
    format!(
        "inventory.execute_many({}, {}::uuid[], {}, ARRAY[{}]::bigint[]{more})",
        list(&kinds),
        list(&ids),
        list(&skus),
        qtys.join(", ")
    )
}

const ANN: &str = "11111111-1111-4111-8111-111111111111";
const BEN: &str = "22222222-2222-4222-8222-222222222222";
const CID: &str = "33333333-3333-4333-8333-333333333333";

pub async fn kinds_mix_and_each_line_is_answered(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let lines = [
        ("deduct", "NULL", "A", 4),
        ("receive", "NULL", "L", 5),
        ("reserve", "NULL", "A", 2),
        ("deduct", "NULL", "A", 10),
        ("deduct", "NULL", "NONE", 1),
        ("receive", ANN, "B", 7),
    ];
    let more = ", lots => ARRAY[NULL, 'x', NULL, NULL, NULL, NULL], \
                expires_on => ARRAY[NULL, '2999-01-01', NULL, NULL, NULL, NULL]::date[], \
                reasons => ARRAY[NULL, 'found', NULL, NULL, NULL, NULL], \
                ttls => ARRAY[NULL, NULL, '1 hour', NULL, NULL, NULL]::interval[], \
                operators => ARRAY['ann', 'ben', NULL, NULL, NULL, NULL], \
                trace_ids => ARRAY[NULL, NULL, 't-3', NULL, NULL, NULL]";
    let sql = format!(
        "SELECT line, code, detail, length(order_no), reservation_id IS NOT NULL, \
                expires_at > now() + interval '59 minutes', on_hand, reserved, available, replayed FROM {}",
        call(&lines, more)
    );
    op.check(
        &sql,
        "1|ok|null|23|f|null|6|0|6|f
         2|ok|null|null|f|null|5|0|5|f
         3|ok|null|null|t|t|6|2|4|f
         4|insufficient_stock|requested 10 units, available: 4|null|f|null|6|2|4|f
         5|unknown_sku|SKU NONE does not exist|null|f|null|null|null|null|f
         6|ok|null|null|f|null|17|0|17|f",
    )
    .await;
    op.check(
        "SELECT sku_id, reason, operator, trace_id FROM inventory.audit_log ORDER BY id DESC LIMIT 4",
        "B|receipt|null|null
         A|reserve|null|t-3
         L|found|ben|null
         A|sale|ann|null",
    )
    .await;
    db.verify_is_clean().await;
}

pub async fn lines_of_one_request_are_one_command(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let lines = [
        ("deduct", ANN, "A", 4),
        ("deduct", BEN, "B", 1),
        ("deduct", ANN, "B", 11),
        ("reserve", CID, "A", 3),
        ("reserve", CID, "C", 3),
        ("deduct", BEN, "C", 1),
    ];
    let sql = |more| {
        let columns = "line, code, on_hand, reserved, replayed";
        format!("SELECT {columns} FROM {}", call(&lines, more))
    };
    op.check(
        &sql(""),
        "1|insufficient_stock|10|0|f
         2|ok|9|0|f
         3|insufficient_stock|10|0|f
         4|ok|10|3|f
         5|ok|null|null|f
         6|ok|9|0|f",
    )
    .await;
    op.check("SELECT count(DISTINCT order_no) FROM inventory.outbox AS o, jsonb_to_record(o.payload) AS r (order_no text)", "1").await;
    op.check("SELECT count(*) FROM inventory.reservations", "2").await;
    let mixed = [("deduct", ANN, "A", 1), ("reserve", ANN, "A", 1), ("deduct", "NULL", "A", 1)];
    let sql = format!("SELECT line, code, detail FROM {}", call(&mixed, ""));
    op.check(
        &sql,
        "1|invalid_argument|the lines of one command must be of one kind
         2|invalid_argument|the lines of one command must be of one kind
         3|ok|null",
    )
    .await;
    let receipts = [("receive", ANN, "A", 1), ("receive", ANN, "B", 1)];
    let sql = format!("SELECT code, detail FROM {} LIMIT 1", call(&receipts, ""));
    op.check(&sql, "invalid_argument|a receipt has one line").await;
    db.verify_is_clean().await;
}

pub async fn a_repeat_through_another_function_is_known(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    op.run(&format!("SELECT inventory.deduct('A', 4, request_id => '{ANN}')")).await;
    op.run(&format!("SELECT inventory.receive('B', 4, request_id => '{BEN}')")).await;
    op.run(&format!("SELECT inventory.reserve('C', 4, request_id => '{CID}')")).await;
    let lines = [("deduct", ANN, "A", 4), ("receive", BEN, "B", 4), ("reserve", CID, "C", 4)];
    let sql = format!(
        "SELECT line, code, on_hand, reserved, available, replayed, reservation_id IS NOT NULL FROM {}",
        call(&lines, "")
    );
    op.check(&sql, "1|ok|6|0|6|t|f\n2|ok|14|0|14|t|f\n3|ok|10|4|6|t|t").await;
    // And the other way.
    let id = Uuid::new_v4();
    let once =
        format!("SELECT code, replayed FROM {}", call(&[("deduct", &id.to_string(), "A", 1)], ""));
    op.check(&once, "ok|f").await;
    let again =
        format!("SELECT on_hand, replayed FROM inventory.deduct('A', 1, request_id => '{id}')");
    op.check(&again, "5|t").await;
    let other = format!("SELECT code, on_hand FROM {}", call(&[("deduct", ANN, "A", 5)], ""));
    op.check(&other, "request_id_reused|5").await;
    db.verify_is_clean().await;
}

pub async fn malformed_calls_raise_and_bad_lines_are_told(pg: Pg) {
    let db = shop(&pg).await;
    let mut op = db.operator().await;
    let good = call(&[("deduct", "NULL", "A", 1)], "");
    for (from, to, detail) in [
        ("ARRAY['deduct']", "NULL", "kinds must not be NULL"),
        ("ARRAY['A']", "ARRAY['A', 'B']", "the arrays must have the same length"),
        ("[])", "[], lots => ARRAY[]::text[])", "the arrays must have the same length"),
        ("[])", "[], ttls => ARRAY[]::interval[])", "the arrays must have the same length"),
        ("[])", "[], wait => NULL)", "wait must not be NULL"),
        ("ARRAY['A']", "ARRAY[['A']]", "skus must have one dimension"),
    ] {
        let sql = format!("SELECT {}", good.replace(from, to));
        op.check_refused(&sql, "IV004", detail).await;
    }
    let sql = format!(
        "SELECT * FROM {}",
        call(&[("deduct", "NULL", "A", 1)], "")
            .replace("['deduct']", "[]::text[]")
            .replace("[NULL]", "[]")
            .replace("['A']", "[]::text[]")
            .replace("[1]", "[]")
    );
    op.check(&sql, "").await;
    let lines = [
        ("sell", "NULL", "A", 1),
        ("NULL", "NULL", "A", 1),
        ("deduct", "NULL", "NULL", 1),
        ("deduct", "NULL", "A", 0),
        ("reserve", "NULL", "A", 1),
        ("deduct", "NULL", "A", 1),
        ("deduct", "NULL", "A", 1),
    ];
    let more = ", ttls => ARRAY[NULL, NULL, NULL, NULL, '0', NULL, NULL]::interval[], \
                expires_on => ARRAY[NULL, NULL, NULL, NULL, NULL, '2999-01-01', NULL]::date[]";
    let sql = format!("SELECT line, code, detail FROM {}", call(&lines, more));
    op.check(
        &sql,
        "1|invalid_argument|kind must be deduct, receive or reserve
         2|invalid_argument|kind must not be NULL
         3|invalid_argument|sku must not be NULL
         4|invalid_argument|quantity must be 1 to 1000000000000, got 0
         5|invalid_argument|ttl must be more than 0 and at most 366 days
         6|invalid_argument|expires_on goes with a receipt
         7|ok|null",
    )
    .await;
    db.verify_is_clean().await;
}

/// Five hundred deductions of `B`, and these lines in their middle.
fn among_many(lines: &[(&'static str, String, &'static str, i64)]) -> String {
    let mut all = Vec::new();
    for n in 0..500 {
        if n == 250 {
            all.extend(lines.iter().cloned());
        }
        all.push(("deduct", Uuid::new_v4().to_string(), "B", 1));
    }
    let all: Vec<_> = all.iter().map(|l| (l.0, l.1.as_str(), l.2, l.3)).collect();
    format!("SELECT code, count(*), min(line) FROM {} GROUP BY code ORDER BY code", call(&all, ""))
}

async fn at_once(session: &mut Session, sql: &str, expected: &str) {
    session.run("SET statement_timeout = '20s'").await;
    let begun = Instant::now();
    session.check(sql, expected).await;
    // Not a measurement: somebody else's transaction stays open for ever.
    assert!(begun.elapsed() < Duration::from_secs(20));
}

pub async fn what_others_hold_is_busy_and_the_rest_goes_on(pg: Pg) {
    let db = shop(&pg).await;
    db.stock(&[("B", 10_000)]).await;
    let (mut idle, mut op) = (db.admin().await, db.operator().await);
    idle.run("BEGIN; SELECT inventory.deduct('A', 1)").await;
    let id = || Uuid::new_v4().to_string();
    let sql = among_many(&[("deduct", id(), "A", 1), ("reserve", id(), "A", 1)]);
    at_once(&mut op, &sql, "busy|2|251\nok|500|1").await;
    idle.run("ROLLBACK").await;
    // A row that somebody is making cannot be skipped by any statement.
    idle.run(
        "BEGIN; SELECT inventory.put_product('NEW', 'New'); SELECT inventory.receive('NEW', 1)",
    )
    .await;
    idle.run("COMMIT; SELECT inventory.put_warehouse(2, 'EAST', 'East')").await;
    idle.run("BEGIN; SELECT inventory.receive('NEW', 1, warehouse_id => 2)").await;
    let sql = format!(
        "SELECT line, code, on_hand FROM {}",
        call(
            &[
                ("receive", "NULL", "NEW", 1),
                ("receive", "NULL", "NEW", 1),
                ("deduct", "NULL", "C", 1)
            ],
            ", warehouse_ids => ARRAY[2, 1, 1]"
        )
    );
    at_once(&mut op, &sql, "1|busy|null\n2|ok|2\n3|ok|9").await;
    idle.run("COMMIT").await;
    // The same in its own transaction is no other's.
    op.run("BEGIN; SELECT inventory.deduct('C', 1)").await;
    at_once(
        &mut op,
        &format!("SELECT code, on_hand FROM {}", call(&[("deduct", "NULL", "C", 1)], "")),
        "ok|7",
    )
    .await;
    op.run("COMMIT").await;
    db.verify_is_clean().await;
}

pub async fn a_claimed_request_id_is_busy_and_the_rest_goes_on(pg: Pg) {
    let db = shop(&pg).await;
    db.stock(&[("B", 10_000)]).await;
    let (mut idle, mut op) = (db.operator().await, db.operator().await);
    idle.run(&format!("BEGIN; SELECT inventory.deduct('A', 1, request_id => '{ANN}')")).await;
    idle.run(&format!("SELECT inventory.deduct('A', 1, request_id => '{BEN}')")).await;
    let lines = [("deduct", ANN.to_owned(), "C", 1), ("deduct", BEN.to_owned(), "C", 2)];
    let sql = among_many(&lines);
    at_once(&mut op, &sql, "busy|2|251\nok|500|1").await;
    op.check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'B'", "9510").await;
    // What was busy is decided afresh: here the id has come to be another's, there it is free.
    idle.run("COMMIT").await;
    let one =
        |id, sku| format!("SELECT code, replayed FROM {}", call(&[("deduct", id, sku, 1)], ""));
    op.check(&one(ANN, "C"), "request_id_reused|f").await;
    op.check(&one(ANN, "A"), "ok|t").await;
    db.verify_is_clean().await;
}

pub async fn who_waits_gets_it_in_the_end(pg: Pg) {
    let db = shop(&pg).await;
    let (mut idle, mut op, mut owner) =
        (db.operator().await, db.operator().await, db.owner().await);
    idle.run(&format!("BEGIN; SELECT inventory.deduct('A', 3, request_id => '{ANN}')")).await;
    let sql = format!(
        "SELECT code, on_hand, replayed FROM {}",
        call(&[("deduct", ANN, "A", 3), ("deduct", "NULL", "A", 1)], ", wait => true")
    );
    let waits = op.text(&sql);
    let release = async {
        owner.until_waiting(1).await;
        idle.run("COMMIT").await;
    };
    assert_eq!(futures::join!(waits, release).0, "ok|7|t\nok|6|f");
    db.verify_is_clean().await;
}

pub async fn crowds_in_batches_never_oversell(pg: Pg) {
    let db = shop(&pg).await;
    db.stock(&[("HOT", 300)]).await;
    let mut crowd = db.operators(6).await;
    let sold = join_all(crowd.iter_mut().map(|session| async move {
        let mut sold = 0;
        for _ in 0..12 {
            let lines: Vec<_> = (0..20).map(|_| Uuid::new_v4().to_string()).collect();
            let lines: Vec<_> = lines.iter().map(|id| ("deduct", id.as_str(), "HOT", 1)).collect();
            let sql =
                format!("SELECT count(*) FILTER (WHERE code = 'ok') FROM {}", call(&lines, ""));
            sold += session.number(&sql).await;
            let again = format!(
                "SELECT count(*) FILTER (WHERE code = 'ok' AND NOT replayed) FROM {}",
                call(&lines, ", wait => true")
            );
            sold += session.number(&again).await;
        }
        sold
    }))
    .await;
    assert_eq!(sold.iter().sum::<i64>(), 300);
    db.owner()
        .await
        .check("SELECT on_hand FROM inventory.stock_level WHERE sku = 'HOT'", "0")
        .await;
    db.verify_is_clean().await;
}
