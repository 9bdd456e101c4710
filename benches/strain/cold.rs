//! `fair_cold`: who buys what nobody else wants is not slowed by those who fight for the bestseller.
//!
//! The hammering is compared with an equal one that takes no lock of the cold SKUs' tables: the same calls, in another
//! database of the same server. Processors, log and disk have the same to do; only the locks are elsewhere.

use inventory_benches::{Bound, Check, Database, Load, Result};

use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "fair_cold";

const HAMMERING: u32 = 128;
const COLD: u32 = 8;
const SLOWED: Bound = Bound::AtMost(2.0);

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    let (here, elsewhere) = (site.database("fair_cold")?, site.database("fair_twin")?);
    for database in [&here, &elsewhere] {
        goods::stock_up(site, database, PLENTY)?;
    }
    let mut seen: [(Seen, Seen); 2] = Default::default();
    for round in 0..site.slices() {
        let turn = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in turn {
            let hot = [&here, &elsewhere][which];
            play(site, &here, hot, &mut seen[which])?;
        }
    }
    let [beside, equal] = &seen;
    let cold = outcome.side("deduct of cold SKUs, beside a hot one", COLD, &beside.0)?;
    let twin =
        outcome.side("deduct of cold SKUs, beside an equal load elsewhere", COLD, &equal.0)?;
    outcome.side("deduct_now of the hot one", HAMMERING, &beside.1)?;
    outcome.side("deduct_now elsewhere", HAMMERING, &equal.1)?;
    let slowed = cold.p99_ms / twin.p99_ms;
    outcome.checks.push(Check::new(
        "p99 beside a hot SKU over beside an equal load",
        slowed,
        SLOWED,
    ));
    close(site, [here, elsewhere])?;
    Ok(outcome)
}

/// A slice: the hot SKU is one of `hot`.
fn play(site: &Site, cold: &Database, hot: &Database, seen: &mut (Seen, Seen)) -> Result<()> {
    let script = include_str!("../ours/deduct_now_hot.sql");
    let hammering = Load::new("deduct_now", script, HAMMERING).start(site.server, &hot.name)?;
    let load = Load::new("deduct", include_str!("../ours/deduct_uniform.sql"), COLD);
    site.bar.phase(format!("{NAME}: hot in {}", hot.name), site.slice().as_secs());
    let running = site.start(cold, &load)?;
    let within = site.watch(site.slice());
    seen.0.add(&running.stop()?.all, &within);
    seen.1.add(&hammering.stop()?.all, &within);
    Ok(())
}
