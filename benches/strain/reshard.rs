//! `reshard`: stock is split into twice as many leaves and joined again while everybody works.

use std::ops::Range;

use inventory_benches::figures::now_us;
use inventory_benches::{Bound, Check, Database, KEEPER, Load, Result};

use crate::fill::{self, Size};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "reshard";

const CLIENTS: u32 = 32;
const LONGEST_MS: Bound = Bound::AtMost(2_000.0);

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    let database = site.database(NAME)?;
    let stock = site.rows(1_000_000);
    let size = Size::of(stock, stock, stock);
    fill::tables(site, &database, size)?;
    outcome.note("stock", size.stock as f64, "rows");

    let load = Load::new("deduct", fill::deduct_any(size.stock), CLIENTS);
    site.bar.phase(format!("{NAME}: {}", load.name), site.span().as_secs());
    let running = site.start(&database, &load)?;
    let before = site.watch(site.span());
    let there = reshard(site, &database, 32)?;
    let back = reshard(site, &database, 16)?;
    site.bar.say(format!("{NAME}: {}", load.name));
    let after = site.watch(site.span());
    // A call that failed would have ended its client, and pgbench with an error.
    let calls = running.stop()?;
    for (what, within) in [
        ("deduct, before", &before),
        ("deduct, reshard(32)", &there),
        ("deduct, reshard(16)", &back),
        ("deduct, after", &after),
    ] {
        let side = outcome.side(what, CLIENTS, &Seen::of(&calls.all, within))?;
        if what.contains("reshard") {
            outcome.note(format!("time of {}", &what["deduct, ".len()..]), side.seconds, "s");
            let check = Check::new(format!("longest call, ms, {what}"), side.max_ms, LONGEST_MS);
            outcome.checks.push(check);
        }
    }
    close(site, [database])?;
    Ok(outcome)
}

/// The time it took.
fn reshard(site: &Site, database: &Database, shards: u32) -> Result<Range<u64>> {
    site.bar.say(format!("{NAME}: reshard({shards})"));
    let from = now_us();
    database.run_as(KEEPER, &format!("CALL inventory.reshard({shards})"))?;
    Ok(from..now_us())
}
