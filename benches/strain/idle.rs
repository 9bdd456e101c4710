//! `fair_idle`: a session that went to lunch with a SKU in its open transaction stops nobody who wants another.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use inventory_benches::{Bound, CALLER, Check, Database, Error, Load, Result, Session};

use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "fair_idle";

const CLIENTS: u32 = 64;
/// How many at a time want the SKU that cannot be had.
const WAITING: usize = 4;
const WANTED: &str =
    "SELECT * FROM inventory.deduct_now('SKU-000000', 1, request_id => gen_random_uuid());";
const BUSY: &str = "IV014";
const KEPT: Bound = Bound::AtLeast(0.9);
/// Of the time that a call may wait for a row: `pg_inventory.lock_wait`.
const IN_TIME: Bound = Bound::AtMost(1.5);

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    let database = site.database(NAME)?;
    goods::stock_up(site, &database, PLENTY)?;
    database.run("SELECT inventory.put_product('SKU-000000', 'Out at lunch')")?;
    database.run("SELECT inventory.receive('SKU-000000', 1000)")?;
    let mut load = Load::new("deduct_now", include_str!("../ours/deduct_now_hot.sql"), CLIENTS);
    load.scripts.push(include_str!("../ours/deduct_now_uniform.sql").to_owned());

    let (mut before, mut beside, mut refusals) = (Seen::default(), Seen::default(), Vec::new());
    for round in 0..site.slices() {
        let turn = if round % 2 == 0 { [false, true] } else { [true, false] };
        for idle in turn {
            if idle {
                refusals.extend(beside_idle(site, &database, &load, &mut beside)?);
            } else {
                let (calls, within) = site.measure(&database, &load, site.slice())?;
                before.add(&calls.all, &within);
            }
        }
    }
    let before = outcome.side("deduct_now of others, nobody idle", CLIENTS, &before)?;
    let beside = outcome.side("deduct_now of others, one session idle", CLIENTS, &beside)?;
    let kept = beside.calls_per_second / before.calls_per_second;
    outcome.checks.push(Check::new("rate of the others", kept, KEPT));
    judge(&refusals, lock_wait_ms(&database)?, &mut outcome);
    close(site, [database])?;
    Ok(outcome)
}

/// The answers to those who wanted the SKU that cannot be had.
fn judge(refusals: &[Refusal], lock_wait_ms: f64, outcome: &mut Outcome) {
    let busy = refusals.iter().filter(|refusal| refusal.sqlstate == BUSY).count();
    let longest = refusals.iter().map(|refusal| refusal.after_ms).fold(f64::NAN, f64::max);
    outcome.note("calls for the SKU in the idle transaction", refusals.len() as f64, "calls");
    outcome.note("longest of them", longest, "ms");
    let share = busy as f64 / refusals.len() as f64;
    outcome.checks.push(Check::new("share of them answered busy", share, Bound::AtLeast(1.0)));
    let waited = longest / lock_wait_ms;
    outcome.checks.push(Check::new("longest of them over lock_wait", waited, IN_TIME));
}

fn lock_wait_ms(database: &Database) -> Result<f64> {
    let setting = "SELECT setting FROM pg_settings WHERE name = 'pg_inventory.lock_wait'";
    Ok(database.number(&format!("LOAD 'pg_inventory'; {setting}"))? as f64)
}

fn beside_idle(
    site: &Site,
    database: &Database,
    load: &Load,
    seen: &mut Seen,
) -> Result<Vec<Refusal>> {
    let mut idle = Session::open(site.server, CALLER, &database.name)?;
    idle.run("BEGIN; SELECT code FROM inventory.deduct('SKU-000000', 1);")?;
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let waiting: Vec<_> =
            (0..WAITING).map(|_| scope.spawn(|| knock(site, database, &over))).collect();
        let measured = site.measure(database, load, site.slice());
        over.store(true, Ordering::Relaxed);
        let (calls, within) = measured?;
        seen.add(&calls.all, &within);
        let mut refusals = Vec::new();
        for one in waiting {
            let crashed = |_| Error::NotMeasured("a call for the locked SKU".to_owned());
            refusals.extend(one.join().map_err(crashed)??);
        }
        Ok(refusals)
    })
}

/// A call that was refused, and how soon.
struct Refusal {
    sqlstate: String,
    after_ms: f64,
}

/// Wants the SKU again and again until it is over.
fn knock(site: &Site, database: &Database, over: &AtomicBool) -> Result<Vec<Refusal>> {
    let mut session = Session::open(site.server, CALLER, &database.name)?;
    let mut refusals = Vec::new();
    while !over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        let sqlstate = session.ask(WANTED)?.sqlstate;
        refusals.push(Refusal { sqlstate, after_ms: begun.elapsed().as_secs_f64() * 1e3 });
    }
    Ok(refusals)
}
