//! A crowd that takes the same few goods in every way at once.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::future::join_all;
use inventory_tests::{Database, Dice, Pg, Session, soak};

const CONNECTIONS: u64 = 100;
const SKUS: [&str; 3] = ["HOT", "WARM", "LOT"];
const UNITS: i64 = 60;

/// What the clients' calls come to: on hand and reserved by SKU, and the events that tell of it.
#[derive(Default)]
struct Log {
    levels: BTreeMap<&'static str, (i64, i64)>,
    events: BTreeMap<&'static str, i64>,
    refused: i64,
}

impl Log {
    fn note(&mut self, event: &'static str, sku: &'static str, on_hand: i64, reserved: i64) {
        let levels = self.levels.entry(sku).or_default();
        levels.0 += on_hand;
        levels.1 += reserved;
        *self.events.entry(event).or_default() += 1;
    }
}

/// The answer; nothing where there were too few goods.
async fn ask(session: &mut Session, sql: &str, log: &RefCell<Log>) -> Option<String> {
    match session.query(&format!("SELECT {sql}")).await {
        Ok(answer) => Some(answer.to_string()),
        Err(refused) if refused.sqlstate == "IV001" => {
            log.borrow_mut().refused += 1;
            None
        }
        Err(error) => panic!("{sql}: {error}"),
    }
}

async fn call(session: &mut Session, dice: &mut Dice, log: &RefCell<Log>) {
    let sku = *dice.pick(&SKUS);
    let qty = 1 + dice.below(3) as i64;
    match dice.below(10) {
        0..6 => {
            let function = *dice.pick(&["deduct_now", "deduct_now", "deduct_now", "deduct"]);
            let sql = format!(
                "FROM inventory.{function}('{sku}', {qty}, request_id => gen_random_uuid())"
            );
            if ask(session, &sql, log).await.is_some() {
                log.borrow_mut().note("STOCK_DEDUCTED", sku, -qty, 0);
            }
        }
        6 | 7 => {
            let lot = if sku == "LOT" { "'x'" } else { "NULL" };
            let sql = format!("FROM inventory.receive('{sku}', {qty}, lot => {lot})");
            if ask(session, &sql, log).await.is_some() {
                log.borrow_mut().note("STOCK_RECEIVED", sku, qty, 0);
            }
        }
        _ => {
            let function = *dice.pick(&["reserve_now", "reserve_now", "reserve"]);
            let sql = format!("reservation_id FROM inventory.{function}('{sku}', {qty})");
            let Some(hold) = ask(session, &sql, log).await else { return };
            log.borrow_mut().note("STOCK_RESERVED", sku, 0, qty);
            let (end, event, taken) = *dice
                .pick(&[("confirm", "STOCK_CONFIRMED", qty), ("release", "STOCK_RELEASED", 0)]);
            if ask(session, &format!("FROM inventory.{end}('{hold}')"), log).await.is_some() {
                log.borrow_mut().note(event, sku, -taken, -qty);
            }
        }
    }
}

pub async fn a_crowd_agrees_with_its_logs(pg: Pg) {
    let db = pg.preloaded_database().await;
    let log = RefCell::new(Log::default());
    let mut owner = db.owner().await;
    for sku in SKUS {
        let by_lot = sku == "LOT";
        owner
            .run(&format!("SELECT inventory.put_product('{sku}', 'Product', NULL, {by_lot})"))
            .await;
        let lot = if by_lot { "'x'" } else { "NULL" };
        owner.run(&format!("SELECT inventory.receive('{sku}', {UNITS}, lot => {lot})")).await;
        log.borrow_mut().note("STOCK_RECEIVED", sku, UNITS, 0);
    }
    // Where many queue for a row, a call that does not queue may have to wait for its chance.
    owner.run(&format!("ALTER DATABASE {} SET pg_inventory.lock_wait = '1min'", db.name)).await;
    let mut sessions = db.operators(CONNECTIONS as usize).await;
    let calls = if soak() { 1_000 } else { 15 };
    let shared = &log;
    join_all(sessions.iter_mut().zip(1..).map(|(session, seed)| async move {
        let mut dice = Dice::new(seed);
        for _ in 0..calls {
            call(session, &mut dice, shared).await;
        }
    }))
    .await;
    compare(&db, &log.into_inner()).await;
}

async fn compare(db: &Database, log: &Log) {
    let mut owner = db.owner().await;
    assert!(log.refused > 0, "the goods were scarce");
    for (sku, (on_hand, reserved)) in &log.levels {
        let levels =
            format!("SELECT on_hand, reserved FROM inventory.stock_level WHERE sku = '{sku}'");
        owner.check(&levels, &format!("{on_hand}|{reserved}")).await;
    }
    let told: Vec<_> = log.events.iter().map(|(event, count)| format!("{event}|{count}")).collect();
    owner
        .check(
            "SELECT event_type, count(*) FROM inventory.journal WHERE event_type LIKE 'STOCK\\_%' \
              GROUP BY 1 ORDER BY 1",
            &told.join("\n"),
        )
        .await;
    // They met; how many at a time is the machine's affair.
    owner
        .check(
            "SELECT largest_batch > 4 FROM inventory.group_commit() WHERE database = current_database()",
            "t",
        )
        .await;
    db.verify_is_clean().await;
}
