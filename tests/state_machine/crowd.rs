//! Several sessions at once, by chance, over the same few goods and each other's holds and orders.
//! Each keeps a log of what it was told; together the logs must give what the server has.

use std::cell::RefCell;
use std::collections::BTreeMap;

use futures::future::try_join_all;
use inventory_tests::{Database, Dice, Session};

const SESSIONS: usize = 8;
const CALLS: usize = 60;
const UNITS: i64 = 60;

/// SKU and warehouse.
type Place = (&'static str, i64);

const SKUS: [&str; 3] = ["A", "B", "L"];

/// On hand and reserved by place.
#[derive(Default)]
struct Log(BTreeMap<Place, (i64, i64)>);

impl Log {
    fn note(&mut self, place: Place, on_hand: i64, reserved: i64) {
        let levels = self.0.entry(place).or_default();
        levels.0 += on_hand;
        levels.1 += reserved;
    }
}

/// Goods that a hold or an order is about, by its id; whoever comes may try to resolve it.
#[derive(Default)]
struct Papers(Vec<(String, Place, i64)>);

impl Papers {
    fn pick(&self, dice: &mut Dice) -> Option<(String, Place, i64)> {
        let newest = self.0.len().min(6);
        let at = self.0.len().checked_sub(dice.below(newest.max(1)) + 1)?;
        self.0.get(at).cloned()
    }
}

/// What all sessions share.
#[derive(Default)]
struct Shared {
    log: RefCell<Log>,
    holds: RefCell<Papers>,
    orders: RefCell<Papers>,
}

/// Runs the crowd; says where the logs and the server differ.
pub async fn run(db: &Database, seed: u64, fault: Option<&str>) -> Result<(), String> {
    let mut owner = db.owner().await;
    owner.run("SELECT inventory.put_warehouse(2, 'NORTH', 'North')").await;
    let shared = Shared::default();
    for sku in SKUS {
        let by_lot = sku == "L";
        let lot = if by_lot { "'x'" } else { "NULL" };
        owner.run(&format!("SELECT inventory.put_product('{sku}', 'Product', 20, {by_lot})")).await;
        for warehouse in [1, 2] {
            owner
                .run(&format!("SELECT inventory.receive('{sku}', {UNITS}, {warehouse}, {lot})"))
                .await;
            shared.log.borrow_mut().note((sku, warehouse), UNITS, 0);
        }
    }
    if let Some(fault) = fault {
        owner.run(fault).await;
    }
    let mut sessions = db.operators(SESSIONS).await;
    let calls = sessions.iter_mut().enumerate().map(|(n, session)| {
        let mut dice = Dice::new(seed + n as u64);
        let shared = &shared;
        async move {
            for _ in 0..CALLS {
                call(session, &mut dice, shared).await?;
            }
            Ok::<_, String>(())
        }
    });
    try_join_all(calls).await?;
    compare(&mut owner, &shared.log.into_inner()).await
}

/// The answer, nothing where it was refused; anything else is a finding.
async fn ask(session: &mut Session, sql: &str) -> Result<Option<String>, String> {
    match session.query(sql).await {
        Ok(answer) => Ok(Some(answer.to_string())),
        Err(refused) if refused.sqlstate.starts_with("IV") => Ok(None),
        Err(error) => Err(format!("{sql}: {error}")),
    }
}

async fn call(session: &mut Session, dice: &mut Dice, shared: &Shared) -> Result<(), String> {
    let sku = *dice.pick(&SKUS);
    let (here, there) = *dice.pick(&[(1, 2), (2, 1)]);
    let qty = 1 + dice.below(6) as i64;
    let lot = if sku == "L" { "'x'" } else { "NULL" };
    match dice.below(12) {
        kind @ 0..7 => {
            let (sql, on_hand) = match kind {
                0 => (format!("receive('{sku}', {qty}, {here}, {lot})"), qty),
                1 => (format!("adjust('{sku}', {}, 'broken', {here}, {lot})", -qty), -qty),
                2..5 => (format!("deduct('{sku}', {qty}, {here})"), -qty),
                _ => (format!("transfer('{sku}', {qty}, {here}, {there})"), -qty),
            };
            if ask(session, &format!("SELECT inventory.{sql}")).await?.is_some() {
                let mut log = shared.log.borrow_mut();
                log.note((sku, here), on_hand, 0);
                if kind >= 5 {
                    log.note((sku, there), qty, 0);
                }
            }
            Ok(())
        }
        7 => reserve(session, shared, (sku, here), qty).await,
        8 | 9 => resolve(session, dice, shared).await,
        10 => begin_order(session, shared, (sku, here), qty).await,
        _ => move_order(session, dice, shared).await,
    }
}

async fn reserve(
    session: &mut Session,
    shared: &Shared,
    place: Place,
    qty: i64,
) -> Result<(), String> {
    let (sku, warehouse) = place;
    let sql = format!("SELECT reservation_id FROM inventory.reserve('{sku}', {qty}, {warehouse})");
    if let Some(hold) = ask(session, &sql).await? {
        shared.log.borrow_mut().note(place, 0, qty);
        shared.holds.borrow_mut().0.push((hold, place, qty));
    }
    Ok(())
}

async fn resolve(session: &mut Session, dice: &mut Dice, shared: &Shared) -> Result<(), String> {
    let picked = shared.holds.borrow().pick(dice);
    let Some((hold, place, qty)) = picked else { return Ok(()) };
    let taken = *dice.pick(&[0, 1, qty]);
    let call = match taken {
        0 => format!("release('{hold}')"),
        taken => format!("confirm('{hold}', {taken})"),
    };
    if ask(session, &format!("SELECT inventory.{call}")).await?.is_some() {
        shared.log.borrow_mut().note(place, -taken, -qty);
    }
    Ok(())
}

async fn begin_order(
    session: &mut Session,
    shared: &Shared,
    place: Place,
    qty: i64,
) -> Result<(), String> {
    let (sku, warehouse) = place;
    let lines = format!("[{{\"sku\": \"{sku}\", \"qty\": {qty}}}]");
    let sql =
        format!("SELECT order_no FROM inventory.create_order('outbound', '{lines}', {warehouse})");
    if let Some(order) = ask(session, &sql).await? {
        shared.orders.borrow_mut().0.push((order, place, qty));
    }
    Ok(())
}

async fn move_order(session: &mut Session, dice: &mut Dice, shared: &Shared) -> Result<(), String> {
    let picked = shared.orders.borrow().pick(dice);
    let Some((order, place, qty)) = picked else { return Ok(()) };
    // Its goods are held, then leave; those that have left alone come back when it is reverted.
    for (call, on_hand, reserved) in [("start_order", 0, qty), ("complete_order", -qty, -qty)] {
        let sql = format!("SELECT inventory.{call}('{order}')");
        if ask(session, &sql).await?.is_some() {
            shared.log.borrow_mut().note(place, on_hand, reserved);
        }
    }
    if dice.below(2) == 0 {
        let sql = format!("SELECT inventory.revert_order('{order}', 'back')");
        if ask(session, &sql).await?.is_some() {
            shared.log.borrow_mut().note(place, qty, 0);
        }
    }
    Ok(())
}

async fn compare(owner: &mut Session, log: &Log) -> Result<(), String> {
    for ((sku, warehouse), (on_hand, reserved)) in &log.0 {
        let levels = format!(
            "SELECT on_hand, reserved FROM inventory.stock_level \
             WHERE sku = '{sku}' AND warehouse_id = {warehouse}"
        );
        let (levels, told) = (owner.text(&levels).await, format!("{on_hand}|{reserved}"));
        if levels != told {
            return Err(format!("{sku} in {warehouse} is {levels}, the sessions say {told}"));
        }
    }
    match owner.text("SELECT * FROM inventory.verify()").await {
        none if none.is_empty() => Ok(()),
        faults => Err(faults),
    }
}
