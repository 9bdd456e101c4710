//! Many sessions at once: no unit lost, none sold twice, no deadlock, one effect a request id.
//! Each proof also runs while one session that has deducted the same SKU sits idle in its
//! transaction: others wait for that SKU only, and everything else goes on.
#![allow(clippy::unwrap_used)] // a test may end in a panic

use std::collections::{BTreeMap, HashSet};

use futures::future::join_all;
use inventory_tests::{Database, Dice, Pg, Refused, Session, promises};
use uuid::Uuid;

promises!(
    exactly_what_is_there_is_sold,
    a_session_idle_in_its_transaction_stops_its_sku_alone,
    orders_of_many_lines_do_not_deadlock,
    orders_go_on_beside_a_session_idle_in_its_transaction,
    one_request_id_has_one_effect,
    one_request_id_has_one_effect_behind_an_idle_session,
    a_request_id_that_an_idle_session_holds,
    first_receipts_meet,
    all_commands_mixed_do_not_deadlock,
    master_data_comes_and_goes_without_deadlock,
    a_waiting_call_can_be_cancelled,
);

const CLIENTS: usize = 128;
const UNITS: i64 = 10_000;

/// What a client counted itself.
#[derive(Default)]
struct Sold {
    accepted: i64,
    order_numbers: Vec<String>,
}

/// Deducts one unit at a time until refused for want of stock.
async fn sell_out(session: &mut Session, sku: &str) -> Sold {
    let mut sold = Sold::default();
    loop {
        let answer = sqlx::query_as::<_, (String, String)>(
            "SELECT code, order_no FROM inventory.deduct($1, 1, request_id => $2)",
        )
        .bind(sku)
        .bind(Uuid::new_v4())
        .fetch_all(&mut session.connection)
        .await
        .map_err(Refused::from);
        match answer {
            Ok(rows) => {
                let [(code, order_no)] = rows.try_into().expect("one row");
                assert_eq!(code, "ok");
                sold.accepted += 1;
                sold.order_numbers.push(order_no);
            }
            Err(refused) => {
                assert_eq!(refused.sqlstate, "IV001", "{refused}");
                assert_eq!(refused.detail, "requested 1 units, available: 0");
                return sold;
            }
        }
    }
}

async fn all_sell_out(sessions: &mut [Session], sku: &str) -> Sold {
    let each = join_all(sessions.iter_mut().map(|session| sell_out(session, sku))).await;
    Sold {
        accepted: each.iter().map(|s| s.accepted).sum(),
        order_numbers: each.into_iter().flat_map(|s| s.order_numbers).collect(),
    }
}

/// Asserts what is left, and that the journal has a row a sale, each with the number its client got.
async fn check_sold(db: &Database, sku: &str, sold: &Sold, accepted: i64) {
    assert_eq!(sold.accepted, accepted, "accepted, as the clients counted");
    let distinct: HashSet<_> = sold.order_numbers.iter().collect();
    assert_eq!(distinct.len() as i64, accepted, "each got a number of its own");
    let mut owner = db.owner().await;
    owner
        .check(&format!("SELECT on_hand FROM inventory.stock_level WHERE sku = '{sku}'"), "0")
        .await;
    let journal = format!(
        "SELECT order_no FROM inventory.journal WHERE sku = '{sku}' AND event_type = 'STOCK_DEDUCTED'"
    );
    let journal = owner.text(&journal).await;
    let written: HashSet<_> = journal.lines().collect();
    assert!(
        distinct.iter().all(|n| written.contains(n.as_str())),
        "every number is in the journal"
    );
    db.verify_is_clean().await;
}

async fn exactly_what_is_there_is_sold(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("HOT", UNITS)]).await;
    let mut sessions = db.operators(CLIENTS).await;
    let sold = all_sell_out(&mut sessions, "HOT").await;
    check_sold(&db, "HOT", &sold, UNITS).await;
    let rows = "SELECT count(*) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";
    assert_eq!(db.owner().await.number(rows).await, UNITS, "as many journal rows");
}

/// How an idle session ends its transaction at last, and what it then has taken.
const ENDS: [(&str, i64); 2] = [("COMMIT", 1), ("ROLLBACK", 0)];

async fn a_session_idle_in_its_transaction_stops_its_sku_alone(pg: Pg) {
    for (end, taken) in ENDS {
        let db = pg.database().await;
        db.stock(&[("HOT", UNITS / 4), ("COLD", UNITS / 2), ("OTHER", 5)]).await;
        let mut idle = db.operator().await;
        idle.run("BEGIN; SELECT inventory.deduct('HOT', 1)").await;

        let mut waiters = db.operators(CLIENTS / 2).await;
        let mut movers = db.operators(CLIENTS / 2).await;
        let mut observer = db.owner().await;
        let hot = all_sell_out(&mut waiters, "HOT");
        let meanwhile = async {
            observer.until_waiting(CLIENTS / 2).await;
            let cold = all_sell_out(&mut movers, "COLD").await;
            check_sold(&db, "COLD", &cold, UNITS / 2).await;
            everything_else_goes_on(&mut observer).await;
            assert_eq!(observer.waiting().await as usize, CLIENTS / 2, "the others still wait");
            idle.run(end).await;
        };
        let (hot, ()) = futures::join!(hot, meanwhile);
        check_sold(&db, "HOT", &hot, UNITS / 4 - taken).await;
    }
}

/// Work of every kind that has nothing to do with the SKU somebody holds.
async fn everything_else_goes_on(owner: &mut Session) {
    for call in [
        "receive('OTHER', 5)",
        "deduct('OTHER', 1)",
        "adjust('OTHER', 1, 'found')",
        "recount('OTHER', 9, 'count')",
        "put_warehouse(2, 'NORTH', 'North')",
        "transfer('OTHER', 2, 1, 2)",
        "put_product('NEW', 'New', 3)",
        "receive('NEW', 1)",
        "next_order_no()",
        "next_order_id()",
        "deduct_many(ARRAY[NULL, NULL]::uuid[], ARRAY['OTHER', 'NEW'], ARRAY[1, 1])",
    ] {
        owner.run(&format!("SET statement_timeout = '20s'; SELECT inventory.{call}")).await;
    }
    owner.run("SELECT * FROM inventory.stock_level; SELECT * FROM inventory.outbox LIMIT 1").await;
    owner.run("SELECT * FROM inventory.verify(); RESET statement_timeout").await;
}

/// `S01` and so on.
fn sku(number: usize) -> String {
    format!("S{:02}", number + 1)
}

/// One order of several lines over these SKUs, in random order, some named twice.
fn random_order(dice: &mut Dice, skus: &[String]) -> Vec<String> {
    let mut lines = skus.to_vec();
    dice.shuffle(&mut lines);
    lines.truncate(2 + dice.below(skus.len() - 1));
    lines.push(dice.pick(&lines).clone());
    lines
}

/// Orders of one unit a line until `orders` are through; the units taken a SKU.
async fn order_many(
    session: &mut Session,
    seed: u64,
    skus: &[String],
    orders: usize,
) -> BTreeMap<String, i64> {
    let mut dice = Dice::new(seed);
    let mut taken = BTreeMap::new();
    for _ in 0..orders {
        let lines = random_order(&mut dice, skus);
        let codes = sqlx::query_as::<_, (i32, String)>(
            "SELECT line, code FROM inventory.deduct_many($1, $2, array_fill(1::bigint, ARRAY[cardinality($2)]))",
        )
        .bind(vec![Uuid::new_v4(); lines.len()])
        .bind(&lines)
        .fetch_all(&mut session.connection)
        .await
        .unwrap_or_else(|e| panic!("{}", Refused::from(e)));
        assert_eq!(codes.len(), lines.len());
        let accepted = codes[0].1 == "ok";
        assert!(codes.iter().all(|(_, code)| (code == "ok") == accepted), "whole or not at all");
        assert!(accepted || codes.iter().all(|(_, code)| code == "insufficient_stock"));
        for line in lines.into_iter().filter(|_| accepted) {
            *taken.entry(line).or_default() += 1;
        }
    }
    taken
}

fn sum_up(each: Vec<BTreeMap<String, i64>>) -> BTreeMap<String, i64> {
    let mut all = BTreeMap::new();
    for (sku, units) in each.into_iter().flatten() {
        *all.entry(sku).or_default() += units;
    }
    all
}

/// Asserts that of each SKU exactly what the clients took is gone.
async fn check_taken(db: &Database, of_each: i64, taken: &BTreeMap<String, i64>) {
    let levels = "SELECT sku, on_hand FROM inventory.stock_level ORDER BY sku";
    let levels = db.owner().await.text(levels).await;
    for line in levels.lines() {
        let (sku, on_hand) = line.split_once('|').unwrap();
        let left = of_each - taken.get(sku).copied().unwrap_or(0);
        assert_eq!(on_hand, left.to_string(), "{sku}");
        assert!(left >= 0, "{sku}");
    }
    db.verify_is_clean().await;
}

async fn orders_of_many_lines_do_not_deadlock(pg: Pg) {
    let db = pg.database().await;
    let skus: Vec<_> = (0..20).map(sku).collect();
    db.stock(&skus.iter().map(|s| (s.as_str(), 500)).collect::<Vec<_>>()).await;
    let mut sessions = db.operators(CLIENTS).await;
    let runs = sessions.iter_mut().enumerate().map(|(n, s)| order_many(s, n as u64, &skus, 12));
    let taken = sum_up(join_all(runs).await);
    assert!(taken.values().any(|units| *units > 490), "enough orders to run out: {taken:?}");
    check_taken(&db, 500, &taken).await;
}

async fn orders_go_on_beside_a_session_idle_in_its_transaction(pg: Pg) {
    for (end, idle_took) in ENDS {
        let db = pg.database().await;
        let skus: Vec<_> = (0..20).map(sku).collect();
        db.stock(&skus.iter().map(|s| (s.as_str(), 5_000)).collect::<Vec<_>>()).await;
        let mut idle = db.operator().await;
        idle.run("BEGIN; SELECT inventory.deduct('S01', 1)").await;

        let mut waiters = db.operators(16).await;
        let mut movers = db.operators(48).await;
        let mut observer = db.owner().await;
        // Locks are taken in the order of the SKUs, so those who wait for the first hold no other.
        let with_it = join_all(waiters.iter_mut().enumerate().map(|(n, s)| {
            let both = [vec![sku(0), sku(0)], skus.clone()].concat();
            async move { order_with_first(s, n as u64, &both).await }
        }));
        let meanwhile = async {
            observer.until_waiting(16).await;
            let runs = movers.iter_mut().enumerate();
            let runs = runs.map(|(n, s)| order_many(s, 1000 + n as u64, &skus[1..], 8));
            let taken = join_all(runs).await;
            assert_eq!(observer.waiting().await, 16, "the others still wait");
            idle.run(end).await;
            taken
        };
        let (waited, went_on) = futures::join!(with_it, meanwhile);
        let mut taken = sum_up([waited, went_on].concat());
        *taken.entry(sku(0)).or_default() += idle_took;
        check_taken(&db, 5_000, &taken).await;
    }
}

/// Five orders, each of which names the first SKU somewhere in the middle.
async fn order_with_first(
    session: &mut Session,
    seed: u64,
    skus: &[String],
) -> BTreeMap<String, i64> {
    let mut taken = Vec::new();
    for round in 0..5 {
        let mut three = vec![skus[0].clone()];
        let mut dice = Dice::new(seed * 100 + round);
        three.push(dice.pick(skus).clone());
        three.push(dice.pick(skus).clone());
        dice.shuffle(&mut three);
        let sql = format!(
            "SELECT string_agg(DISTINCT code, ',') FROM inventory.deduct_many(array_fill(gen_random_uuid(), ARRAY[3]), \
             ARRAY['{}'], ARRAY[1, 1, 1])",
            three.join("', '")
        );
        session.check(&sql, "ok").await;
        taken.push(three.into_iter().map(|s| (s, 1)).fold(BTreeMap::new(), |mut all, (s, n)| {
            *all.entry(s).or_default() += n;
            all
        }));
    }
    sum_up(taken)
}

const SENDERS: usize = 50;

/// The same call from fifty connections: one effect, and fifty answers that differ in `replayed`
/// alone, which is the last column.
async fn send_by_all(sessions: &mut [Session], sql: &str) -> Vec<String> {
    join_all(sessions.iter_mut().map(|session| session.text(sql))).await
}

fn check_one_effect(answers: &[String], effects: usize, sql: &str) {
    let strip = |answer: &String, flag: &str| {
        let lines: Option<Vec<_>> = answer.lines().map(|l| l.strip_suffix(flag)).collect();
        lines.map(|lines| lines.join("\n"))
    };
    let first: Vec<_> = answers.iter().filter_map(|a| strip(a, "|f")).collect();
    let replayed: Vec<_> = answers.iter().filter_map(|a| strip(a, "|t")).collect();
    assert_eq!(first.len(), effects, "{sql}: {answers:?}");
    assert_eq!(replayed.len(), answers.len() - effects, "{sql}: {answers:?}");
    let all: HashSet<_> = first.into_iter().chain(replayed).collect();
    assert_eq!(all.len(), 1, "{sql}: the answers are equal: {all:?}");
}

/// Calls of every kind, each with its request id.
fn calls_with_ids() -> Vec<String> {
    let kinds = [
        "deduct('HOT', 1",
        "try_deduct('HOT', 2",
        "receive('HOT', 3",
        "adjust('HOT', -4, 'broken'",
        "transfer('HOT', 5, 1, 2",
        "recount('HOT', 500, 'count'",
    ];
    let id = |n: usize| format!("00000000-0000-4000-8000-{n:012}");
    let single = kinds.iter().enumerate();
    let mut calls: Vec<_> = single
        .map(|(n, kind)| format!("SELECT * FROM inventory.{kind}, request_id => '{}')", id(n)))
        .collect();
    calls.push(format!(
        "SELECT * FROM inventory.deduct_many(array_fill('{}'::uuid, ARRAY[3]), ARRAY['HOT', 'A', 'HOT'], ARRAY[1, 2, 3])",
        id(99)
    ));
    calls
}

async fn request_shop(pg: &Pg) -> Database {
    let db = pg.database().await;
    db.stock(&[("HOT", 1_000), ("A", 1_000)]).await;
    db.admin().await.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    db
}

async fn one_request_id_has_one_effect(pg: Pg) {
    let db = request_shop(&pg).await;
    let mut sessions = db.operators(SENDERS).await;
    for sql in calls_with_ids() {
        let answers = send_by_all(&mut sessions, &sql).await;
        check_one_effect(&answers, 1, &sql);
    }
    // 1,000 and each effect once: the recount sets 500, then an order of four.
    db.owner()
        .await
        .check(
            "SELECT sku, warehouse_id, on_hand FROM inventory.stock_level ORDER BY 1, 2",
            "A|1|998\nHOT|1|496\nHOT|2|5",
        )
        .await;
    db.verify_is_clean().await;
}

async fn one_request_id_has_one_effect_behind_an_idle_session(pg: Pg) {
    let db = request_shop(&pg).await;
    let mut sessions = db.operators(SENDERS).await;
    let (mut idle, mut observer) = (db.operator().await, db.owner().await);
    for (at, sql) in calls_with_ids().into_iter().enumerate() {
        let (end, _) = ENDS[at % 2];
        idle.run("BEGIN; SELECT inventory.deduct('HOT', 1)").await;
        let all = send_by_all(&mut sessions, &sql);
        let release = async {
            observer.until_waiting(SENDERS).await;
            idle.run(end).await;
        };
        let (answers, ()) = futures::join!(all, release);
        check_one_effect(&answers, 1, &sql);
    }
    db.verify_is_clean().await;
}

async fn a_request_id_that_an_idle_session_holds(pg: Pg) {
    let db = request_shop(&pg).await;
    let mut sessions = db.operators(SENDERS).await;
    let (mut idle, mut observer) = (db.operator().await, db.owner().await);
    for (at, sql) in calls_with_ids().into_iter().enumerate() {
        let (end, committed) = ENDS[at % 2];
        idle.run("BEGIN").await;
        idle.run(&sql).await;
        let all = send_by_all(&mut sessions, &sql);
        let release = async {
            observer.until_waiting(SENDERS).await;
            idle.run(end).await;
        };
        let (answers, ()) = futures::join!(all, release);
        check_one_effect(&answers, if committed == 1 { 0 } else { 1 }, &sql);
    }
    db.verify_is_clean().await;
}

async fn first_receipts_meet(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("NEW", 0)]).await;
    db.admin()
        .await
        .run("SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)")
        .await;
    let mut sessions = db.operators(40).await;
    let receive = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        if n % 2 == 0 {
            session.run("SELECT inventory.receive('NEW', 1)").await;
        } else {
            let lot = n % 3;
            session.run(&format!("SELECT inventory.receive('LOT', 1, lot => 'l{lot}')")).await;
        }
    });
    join_all(receive).await;
    db.owner()
        .await
        .check("SELECT sku, on_hand FROM inventory.stock_level ORDER BY 1", "LOT|20\nNEW|20")
        .await;
    db.verify_is_clean().await;
}

/// A random command over a few SKUs, two warehouses and a lot-controlled product.
fn random_command(dice: &mut Dice) -> String {
    let sku = *dice.pick(&["A", "B", "C", "D"]);
    let (here, there) = *dice.pick(&[(1, 2), (2, 1)]);
    match dice.below(11) {
        0 | 1 => format!("deduct('{sku}', 2, {here})"),
        2 => format!("receive('{sku}', 2, {here})"),
        3 => format!("adjust('{sku}', -1, 'broken', {here})"),
        4 | 5 => format!("transfer('{sku}', 3, {here}, {there})"),
        6 => "receive('L', 3, lot => 'x')".into(),
        7 => "deduct('L', 2)".into(),
        8 => "transfer('L', 1, 1, 2)".into(),
        9 => format!("put_product('{sku}', 'Product', {})", dice.below(9)),
        _ => {
            let mut skus = ["A", "B", "C", "D"];
            dice.shuffle(&mut skus);
            format!(
                "deduct_many(array_fill(gen_random_uuid(), ARRAY[4]), ARRAY['{}'], ARRAY[1, 1, 1, 1], ARRAY[{here}, {there}, {here}, {there}])",
                skus.join("', '")
            )
        }
    }
}

async fn all_commands_mixed_do_not_deadlock(pg: Pg) {
    let db = pg.database().await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    admin.run("SELECT inventory.put_product('L', 'By lot', lot_controlled => true)").await;
    db.stock(&[("A", 50), ("B", 50), ("C", 50), ("D", 50)]).await;
    let mut sessions = Vec::new();
    for _ in 0..40 {
        sessions.push(db.admin().await);
    }
    let run = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let mut dice = Dice::new(n as u64);
        for _ in 0..25 {
            let command = random_command(&mut dice);
            if let Err(refused) = session.query(&format!("SELECT inventory.{command}")).await {
                // Short of stock, or no such lot yet: nothing else may happen.
                assert!(["IV001", "IV011"].contains(&&*refused.sqlstate), "{command}: {refused}");
            }
        }
    });
    join_all(run).await;
    db.verify_is_clean().await;
}

/// As [`random_command`], with products and warehouses that are deleted and made again.
fn random_renewal(dice: &mut Dice) -> String {
    let sku = *dice.pick(&["P", "Q", "R"]);
    let (here, there) = *dice.pick(&[(1, 2), (2, 1), (3, 1), (2, 3)]);
    match dice.below(9) {
        0 => format!("delete_product('{sku}')"),
        1 | 2 => format!("put_product('{sku}', 'Product', {})", dice.below(9)),
        3 => "delete_warehouse(3)".into(),
        4 => "put_warehouse(3, 'THIRD', 'Third')".into(),
        5 => format!("receive('{sku}', 2, {here})"),
        6 => format!("transfer('{sku}', 1, {here}, {there})"),
        7 => format!("recount('{sku}', 0, 'gone', {here})"),
        _ => format!(
            "deduct_many(array_fill(gen_random_uuid(), ARRAY[3]), ARRAY['R', 'P', 'Q'], ARRAY[1, 1, 1], ARRAY[{here}, {there}, {here}])"
        ),
    }
}

async fn master_data_comes_and_goes_without_deadlock(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("P", 5), ("Q", 5), ("R", 5)]).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    let mut sessions = Vec::new();
    for _ in 0..24 {
        sessions.push(db.admin().await);
    }
    let run = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let mut dice = Dice::new(77 + n as u64);
        for _ in 0..60 {
            let command = random_renewal(&mut dice);
            if let Err(refused) = session.query(&format!("SELECT inventory.{command}")).await {
                let expected = ["IV001", "IV002", "IV003", "IV015"];
                assert!(expected.contains(&&*refused.sqlstate), "{command}: {refused}");
            }
        }
    });
    join_all(run).await;
    db.verify_is_clean().await;
}

async fn a_waiting_call_can_be_cancelled(pg: Pg) {
    let db = pg.database().await;
    db.stock(&[("HOT", 10)]).await;
    let (mut idle, mut waiter, mut owner) =
        (db.operator().await, db.operator().await, db.owner().await);
    let pid = waiter.pid().await;
    idle.run("BEGIN; SELECT inventory.deduct('HOT', 1)").await;
    let waits = waiter.refused(
        "SELECT inventory.deduct('HOT', 1, request_id => '11111111-1111-4111-8111-111111111111')",
    );
    let cancel = async {
        owner.until_waiting(1).await;
        owner.run(&format!("SELECT pg_cancel_backend({pid})")).await;
    };
    let (refused, ()) = futures::join!(waits, cancel);
    assert_eq!(refused.sqlstate, "57014", "a cancel is no refusal: {refused}");
    let late = waiter.refused("SET lock_timeout = '50ms'; SELECT inventory.deduct('HOT', 1)").await;
    assert_eq!(late.sqlstate, "55P03", "{late}");
    idle.run("COMMIT").await;
    waiter
        .check(
            "SELECT on_hand, replayed FROM inventory.deduct('HOT', 1, request_id => '11111111-1111-4111-8111-111111111111')",
            "8|f",
        )
        .await;
    db.verify_is_clean().await;
}
