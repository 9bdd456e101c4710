//! `relay`: 20,000 deductions a second are told to a Redis stream as they come.

use std::process::{Command, Stdio};
use std::time::Duration;

use inventory_benches::figures::now_us;
use inventory_benches::service::{beside_us, redis};
use inventory_benches::{Bound, Check, Database, Error, KEEPER, Load, Result, Service};

use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "relay";

const CLIENTS: u32 = 2;
/// Orders of one call, as its script has them.
const ORDERS: u32 = 500;
/// Calls a second, of all clients.
const CALLS: u32 = 40;
const OFFERED: Bound = Bound::AtLeast(0.98);
/// Seconds.
const LAG: Bound = Bound::AtMost(5.0);
const PARKED: Bound = Bound::AtMost(0.0);
/// Bytes of the tables that hold the progress, however many events went through.
const TABLES_MIB: Bound = Bound::AtMost(1.0);
/// The longest time that the end is waited for.
const LIMIT: Duration = Duration::from_secs(120);
/// Between two looks at the lag.
const LOOK: Duration = Duration::from_millis(200);

pub fn measure(site: &Site) -> Result<Outcome> {
    let redis = redis();
    if redis.is_empty() {
        let statement = "INVENTORY_BENCH_REDIS".to_owned();
        return Err(Error::Answer { statement, answer: "it names no Redis".to_owned() });
    }
    let mut outcome = Outcome::new(NAME);
    let database = site.database(NAME)?;
    goods::stock_up(site, &database, PLENTY)?;
    let stream = format!("{}/bench-{}?maxlen=10000", redis.trim_end_matches('/'), now_us());
    database.run(&format!("SELECT inventory.put_sink('bench', '{stream}')"))?;
    let relay = relay(&database)?;

    let mut load =
        Load::new("deduct_many", include_str!("../ours/deduct_many_spread.sql"), CLIENTS);
    load.calls_per_second = Some(CALLS);
    site.bar.phase(format!("{NAME}: {}", load.name), site.span().as_secs());
    let running = site.start(&database, &load)?;
    let (from, mut longest) = (now_us(), 0.0_f64);
    while now_us() - from < site.span().as_micros() as u64 {
        longest = longest.max(lag(&database)?);
        std::thread::sleep(LOOK);
    }
    let within = from..now_us();
    let calls = running.stop()?;
    let side = outcome.side("deduct_many", CLIENTS, &Seen::of(&calls.all, &within))?;
    site.expect("the relay", LIMIT, || {
        Ok(database.number("SELECT pending + retrying FROM inventory.sinks")? == 0)
    })?;
    let orders = side.calls_per_second * f64::from(ORDERS);
    outcome.note("orders", orders, "/s");
    outcome.note(
        "events delivered",
        database.number("SELECT delivered FROM inventory.sinks")? as f64,
        "events",
    );
    let offered = side.calls_per_second / f64::from(CALLS);
    let tables = "SELECT pg_total_relation_size('inventory.relay_cursor') + pg_total_relation_size('inventory.relay') \
                       + pg_total_relation_size('inventory.outbox_parked') + pg_total_relation_size('inventory.sink')";
    let tables = database.number(tables)? as f64 / 1_048_576.0;
    let parked = database.number("SELECT count(*) FROM inventory.outbox_parked")? as f64;
    outcome.checks.push(Check::new("carried out of what was offered", offered, OFFERED));
    outcome.checks.push(Check::new("longest lag, s", longest, LAG));
    outcome.checks.push(Check::new("events parked", parked, PARKED));
    outcome.checks.push(Check::new("tables of sinks and relays, MiB", tables, TABLES_MIB));
    // It has the database open.
    drop(relay);
    close(site, [database])?;
    Ok(outcome)
}

/// Age of the oldest event that Redis does not have.
fn lag(database: &Database) -> Result<f64> {
    let micros = "SELECT (lag_seconds * 1000000)::bigint FROM inventory.sinks";
    Ok(database.number(micros)? as f64 / 1e6)
}

/// `inventory relay`
fn relay(database: &Database) -> Result<Service> {
    let mut command = Command::new(beside_us("inventory"));
    command
        .args(["relay", "--log", "warn"])
        .env("INVENTORY_DATABASE_URL", database.url(KEEPER))
        .stdout(Stdio::null());
    Service::start(command)
}
