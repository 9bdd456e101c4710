//! `fair_snapshot`: a REPEATABLE READ snapshot stays open, as a dump has one, and no version of the hot row can be
//! cleaned away meanwhile.

use std::time::Duration;

use inventory_benches::{Bound, CALLER, Check, Load, Result, Session};

use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "fair_snapshot";

const HAMMERING: u32 = 128;
const KEPT: Bound = Bound::AtLeast(0.5);
const FULL: Duration = Duration::from_secs(300);
const SHORT: Duration = Duration::from_secs(60);

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    let open_for = if site.options.full { FULL } else { SHORT };
    let database = site.database(NAME)?;
    goods::stock_up(site, &database, PLENTY)?;
    let load = Load::new("deduct_now", include_str!("../ours/deduct_now_hot.sql"), HAMMERING);
    site.bar.phase(format!("{NAME}: {}", load.name), open_for.as_secs());
    let running = site.start(&database, &load)?;
    let mut dump = Session::open(site.server, CALLER, &database.name)?;
    dump.run("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM inventory.stock_level;")?;
    let opened = site.watch(open_for);
    drop(dump);
    let calls = running.stop()?;

    let part = u64::from(site.options.seconds) * 1_000_000;
    let (first, last) = (opened.start..opened.start + part, opened.end - part..opened.end);
    let first =
        outcome.side("deduct_now, first seconds", HAMMERING, &Seen::of(&calls.all, &first))?;
    let last = outcome.side("deduct_now, last seconds", HAMMERING, &Seen::of(&calls.all, &last))?;
    outcome.note("snapshot open for", open_for.as_secs_f64(), "s");
    let kept = last.calls_per_second / first.calls_per_second;
    outcome.checks.push(Check::new("rate in the last seconds over the first", kept, KEPT));
    close(site, [database])?;
    Ok(outcome)
}
