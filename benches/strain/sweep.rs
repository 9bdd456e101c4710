//! `sweep`: a hundred thousand holds past their time are closed, and those who sell meanwhile feel little.

use std::time::Duration;

use inventory_benches::{Bound, Check, Database, KEEPER, Load, Result, Running};

use crate::goods::{self, PLENTY, Spread};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "sweep";

const CLIENTS: u32 = 16;
const KEPT: Bound = Bound::AtLeast(0.5);
/// The longest time that sweeping is watched.
const LIMIT: Duration = Duration::from_secs(300);
const DUE: &str =
    "SELECT count(*) FROM inventory.reservation WHERE state = 'HELD' AND expires_at <= now()";
/// Cheap however many are due.
const SWEPT: &str = "SELECT (NOT EXISTS (SELECT FROM inventory.reservation
                      WHERE state = 'HELD' AND expires_at <= now()))::int";

/// Who sweeps.
#[derive(Clone, Copy)]
enum Sweeper {
    Worker,
    /// One call after the other, without a pause.
    Maintain,
}

/// Who sells: all holds lie on `HOT`.
#[derive(Clone, Copy)]
enum Seller {
    SameSku,
    OtherSkus,
}

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    for sweeper in [Sweeper::Worker, Sweeper::Maintain] {
        for seller in [Seller::OtherSkus, Seller::SameSku] {
            measure_one(site, sweeper, seller, &mut outcome)?;
        }
    }
    Ok(outcome)
}

fn measure_one(site: &Site, sweeper: Sweeper, seller: Seller, outcome: &mut Outcome) -> Result<()> {
    site.upkeep(false)?;
    let (by, name) = match sweeper {
        Sweeper::Worker => ("the worker", "sweep_worker"),
        Sweeper::Maintain => ("maintain()", "sweep_maintain"),
    };
    let (whose, script) = match seller {
        Seller::SameSku => ("of the same SKU", include_str!("../ours/deduct_hot.sql")),
        Seller::OtherSkus => ("of other SKUs", include_str!("../ours/deduct_uniform.sql")),
    };
    let database = site.database(name)?;
    goods::stock_up(site, &database, PLENTY)?;
    goods::hold(site, &database, site.rows(100_000), Spread::OneSku)?;
    goods::lapse(&database)?;

    let load = Load::new(format!("deduct {whose}"), script, CLIENTS);
    site.bar.phase(format!("{name}: {}", load.name), site.span().as_secs());
    let due = database.number(DUE)?;
    let running = site.start(&database, &load)?;
    let before = site.watch(site.span());
    let (during, swept) = sweep(site, &database, sweeper)?;
    let calls = running.stop()?;

    let title = format!("deduct {whose}");
    let before =
        outcome.side(format!("{title}, before"), CLIENTS, &Seen::of(&calls.all, &before))?;
    let seen = Seen::of(&calls.all, &during);
    let during = outcome.side(format!("{title}, {by} sweeps"), CLIENTS, &seen)?;
    let left = if swept { 0 } else { database.number(DUE)? };
    outcome.note(format!("holds swept by {by} beside {title}"), (due - left) as f64, "holds");
    outcome.note(format!("time of that, {} s at most", LIMIT.as_secs()), during.seconds, "s");
    let kept = during.calls_per_second / before.calls_per_second;
    outcome.checks.push(Check::new(format!("rate kept, {}", during.what), kept, KEPT));
    site.upkeep(false)?;
    close(site, [database])
}

/// The time in which they were swept, and whether all were.
fn sweep(
    site: &Site,
    database: &Database,
    sweeper: Sweeper,
) -> Result<(std::ops::Range<u64>, bool)> {
    site.bar.say(format!("{}: sweeping", database.name));
    let from = inventory_benches::figures::now_us();
    let keeper = begin(site, database, sweeper)?;
    let swept = site.until(LIMIT, || Ok(database.number(SWEPT)? == 1))?;
    let during = from..inventory_benches::figures::now_us();
    keeper.map(Running::stop).transpose()?;
    Ok((during, swept))
}

fn begin(site: &Site, database: &Database, sweeper: Sweeper) -> Result<Option<Running>> {
    match sweeper {
        Sweeper::Worker => site.upkeep(true).map(|()| None),
        Sweeper::Maintain => {
            let mut load = Load::new("maintain()", "SELECT * FROM inventory.maintain();", 1);
            load.role = KEEPER;
            load.start(site.server, &database.name).map(Some)
        }
    }
}
