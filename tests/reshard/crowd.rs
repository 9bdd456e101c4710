//! Sessions that work while the leaves change under them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures::future::join_all;
use inventory_tests::{Database, Dice, Pg, Session, soak};

use crate::{fill, reshard, sku};

const CLIENTS: usize = 32;

/// What a client did to the goods, by its own log, and how long it waited at most.
#[derive(Default)]
struct Log {
    moved: BTreeMap<(String, i32), i64>,
    calls: usize,
    longest: Duration,
}

impl Log {
    fn add(&mut self, sku: &str, warehouse: i32, units: i64) {
        *self.moved.entry((sku.to_owned(), warehouse)).or_default() += units;
    }

    async fn call(&mut self, session: &mut Session, sql: &str) -> String {
        let begun = Instant::now();
        let answer = session.text(sql).await;
        self.longest = self.longest.max(begun.elapsed());
        self.calls += 1;
        answer
    }
}

/// One short piece of work, chosen by chance; a call that fails fails the test.
async fn work(session: &mut Session, dice: &mut Dice, skus: &[String], log: &mut Log) {
    let (a, b) = (dice.pick(skus).clone(), dice.pick(skus).clone());
    match dice.below(8) {
        0 => {
            log.call(session, &format!("SELECT inventory.deduct('{a}', 1)")).await;
            log.add(&a, 1, -1);
        }
        1 => {
            log.call(session, &format!("SELECT inventory.receive('{a}', 2, warehouse_id => 2)"))
                .await;
            log.add(&a, 2, 2);
        }
        2 => {
            let sql = format!("SELECT code FROM inventory.try_deduct('{a}', 1, warehouse_id => 2)");
            match log.call(session, &sql).await.as_str() {
                "ok" => log.add(&a, 2, -1),
                code => assert_eq!(code, "insufficient_stock"),
            }
        }
        3 => {
            let sql = format!("SELECT reservation_id FROM inventory.reserve('{a}', 2)");
            let hold = log.call(session, &sql).await;
            let end = *dice.pick(&["confirm", "release"]);
            log.call(session, &format!("SELECT inventory.{end}('{hold}')")).await;
            log.add(&a, 1, if end == "confirm" { -2 } else { 0 });
        }
        4 => {
            log.call(session, &format!("SELECT inventory.transfer('{a}', 1, 1, 2)")).await;
            log.add(&a, 1, -1);
            log.add(&a, 2, 1);
        }
        5 => {
            let sql = format!(
                "SELECT string_agg(DISTINCT code, ',') FROM inventory.deduct_many(array_fill(gen_random_uuid(), ARRAY[2]), \
                 ARRAY['{a}', '{b}'], ARRAY[1, 1])"
            );
            assert_eq!(log.call(session, &sql).await, "ok");
            log.add(&a, 1, -1);
            log.add(&b, 1, -1);
        }
        kind => {
            // In the order of the SKUs, so that no two of these wait for each other.
            let (a, b) = if a < b { (a, b) } else { (b, a) };
            log.call(session, &format!("BEGIN; SELECT inventory.deduct('{a}', 1)")).await;
            log.call(session, &format!("SELECT inventory.receive('{b}', 3)")).await;
            let end = if kind == 6 { "COMMIT" } else { "ROLLBACK" };
            log.call(session, end).await;
            if kind == 6 {
                log.add(&a, 1, -1);
                log.add(&b, 1, 3);
            }
        }
    }
}

/// Clients at work until told to stop; all that they did, and their longest wait.
async fn at_work(sessions: &mut [Session], skus: &[String], stop: &AtomicBool) -> Log {
    let each = sessions.iter_mut().enumerate().map(|(n, session)| async move {
        let (mut dice, mut log) = (Dice::new(n as u64), Log::default());
        while !stop.load(Ordering::Relaxed) {
            work(session, &mut dice, skus, &mut log).await;
        }
        log
    });
    join_all(each)
        .await
        .into_iter()
        .reduce(|mut all, one| {
            one.moved.into_iter().for_each(|((sku, at), units)| all.add(&sku, at, units));
            Log { calls: all.calls + one.calls, longest: all.longest.max(one.longest), ..all }
        })
        .unwrap()
}

/// Asserts that stock is what it was at first and what the clients did to it.
async fn check_levels(db: &Database, log: &Log) {
    let mut owner = db.owner().await;
    let levels = owner
        // A place in the other warehouse that one receipt made has its first version.
        .text("SELECT sku, warehouse_id, on_hand, reserved FROM inventory.stock_level WHERE version > 1 OR warehouse_id = 2")
        .await;
    let mut seen = 0;
    for line in levels.lines() {
        let [sku, at, on_hand, reserved] = line.split('|').collect::<Vec<_>>().try_into().unwrap();
        let moved = log.moved.get(&(sku.to_owned(), at.parse().unwrap())).copied();
        let first = if at == "1" { 10_100 } else { 0 };
        assert_eq!(on_hand, (first + moved.unwrap_or(0)).to_string(), "{sku} in {at}");
        assert_eq!(reserved, "0", "{sku} in {at}");
        seen += usize::from(moved.is_some());
    }
    let with_goods = log.moved.iter().filter(|(_, units)| **units != 0);
    assert!(seen >= with_goods.count(), "a place that a client moved goods of is missing");
    db.verify_is_clean().await;
}

pub async fn a_busy_shop_grows_and_shrinks(pg: Pg) {
    let db = pg.private_database(|b| b.setting("fsync", if soak() { "on" } else { "off" })).await;
    let rows = if soak() { 1_000_000 } else { 2_000 };
    fill(&db, rows).await;
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    // The goods that are traded, spread over all leaves.
    let skus: Vec<_> = (0..200).map(|n| sku(1 + n * (rows / 200))).collect();
    for sku in &skus {
        owner.run(&format!("SELECT inventory.receive('{sku}', 10000)")).await;
    }
    let mut sessions = db.operators(CLIENTS).await;
    let mut admin = db.admin().await;
    let stop = AtomicBool::new(false);
    let growth = async {
        for shards in [32, 16] {
            let begun = Instant::now();
            reshard(&mut admin, shards).await;
            if soak() {
                eprintln!("PostgreSQL {}: to {shards} leaves in {:?}", pg.major, begun.elapsed());
            }
        }
        stop.store(true, Ordering::Relaxed);
    };
    let (log, ()) = futures::join!(at_work(&mut sessions, &skus, &stop), growth);
    if soak() {
        eprintln!(
            "PostgreSQL {}: {} calls, the longest took {:?}",
            pg.major, log.calls, log.longest
        );
    }
    check_levels(&db, &log).await;
}

pub async fn sessions_notice_that_the_leaves_are_others(pg: Pg) {
    let db = pg.database().await;
    fill(&db, 100).await;
    let mut admin = db.admin().await;
    admin.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    admin.run("SELECT inventory.put_product('LOT', 'By lot', lot_controlled => true)").await;
    // One that works all the time, one that pauses, and one that only reads.
    let (mut often, mut rarely, mut reader) =
        (db.admin().await, db.admin().await, db.reader().await);
    let prepared = |sku: &'static str| {
        sqlx::query_as::<_, (String, i64)>("SELECT code, on_hand FROM inventory.deduct($1, 1)")
            .bind(sku)
    };
    let level = || {
        sqlx::query_scalar::<_, i64>(
            "SELECT on_hand FROM inventory.stock_level WHERE sku = $1 AND warehouse_id = 1",
        )
        .bind("S0000007")
    };
    let mut left = 100;
    for (round, shards) in [32, 64, 16, 2, 1, 16].into_iter().enumerate() {
        for _ in 0..8 {
            left -= 1;
            let (code, on_hand) =
                prepared("S0000007").fetch_one(&mut often.connection).await.unwrap();
            assert_eq!((&*code, on_hand), ("ok", left));
        }
        everything(&mut often, round).await;
        if round % 2 == 0 {
            everything(&mut rarely, 10 + round).await;
        }
        assert_eq!(level().fetch_one(&mut reader.connection).await.unwrap(), left);
        reshard(&mut admin, shards).await;
        assert_eq!(level().fetch_one(&mut reader.connection).await.unwrap(), left);
    }
    everything(&mut rarely, 99).await;
    db.verify_is_clean().await;
}

/// One call of each command over many SKUs.
async fn everything(session: &mut Session, round: usize) {
    for sql in [
        "SELECT inventory.deduct(sku, 1) FROM inventory.products WHERE sku LIKE 'S%'",
        "SELECT inventory.receive(sku, 2) FROM inventory.products WHERE sku LIKE 'S%'",
        "SELECT inventory.receive('LOT', 9, lot => 'x')",
        "SELECT inventory.transfer(sku, 1, 1, 2) FROM inventory.products WHERE sku LIKE 'S%'",
        "SELECT inventory.recount('S0000001', 500, 'count')",
        "SELECT inventory.adjust('S0000002', 1, 'found')",
        "SELECT inventory.confirm((SELECT reservation_id FROM inventory.reserve('LOT', 1)))",
        "SELECT inventory.start_order((SELECT order_no FROM inventory.create_order('outbound', '[{\"sku\": \"S0000003\", \"qty\": 1}]')))",
        "SELECT inventory.put_product('S0000004', 'Another name', 5)",
        "SELECT * FROM inventory.deduct_many(array_fill(NULL::uuid, ARRAY[3]), ARRAY['S0000005', 'S0000050', 'LOT'], ARRAY[1, 1, 1])",
    ] {
        session.run(sql).await;
    }
    session.run(&format!("SELECT inventory.put_product('NEW-{round}', 'New'); SELECT inventory.receive('NEW-{round}', 1)")).await;
    session
        .check(&format!("SELECT on_hand FROM inventory.stock_level WHERE sku = 'NEW-{round}'"), "1")
        .await;
}
