//! `holds`: a hundred thousand of them, and the SKU that has them answers as fast as ever.

use inventory_benches::{Bound, Check, Database, KEEPER, Load, Result};

use crate::goods::{self, PLENTY, Spread};
use crate::outcome::{Outcome, Seen, Side};
use crate::site::{Site, close};

pub const NAME: &str = "holds";

const MEDIAN_MS: Bound = Bound::AtMost(2.0);

/// In which condition the holds are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Past their time, swept by nobody.
    Lapsed,
}

/// What is called, by turns.
const CALLS: [&str; 2] = ["reserve", "stock_level"];

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    site.upkeep(false)?;
    for spread in [Spread::OneSku, Spread::AllSkus] {
        let free = measure_free(site, spread, &mut outcome)?;
        for state in [State::Open, State::Lapsed] {
            measure_held(site, spread, state, &free, &mut outcome)?;
        }
    }
    Ok(outcome)
}

/// Nothing is held: what the machine has to do with it.
fn measure_free(site: &Site, spread: Spread, outcome: &mut Outcome) -> Result<Vec<Side>> {
    let database = site.database("holds_none")?;
    goods::stock_up(site, &database, PLENTY)?;
    let title = format!("nothing held, {}", spread.name());
    let sides = by_turns(site, &database, spread, &title, outcome)?;
    close(site, [database])?;
    Ok(sides)
}

fn measure_held(
    site: &Site,
    spread: Spread,
    state: State,
    free: &[Side],
    outcome: &mut Outcome,
) -> Result<()> {
    let holds = site.rows(100_000);
    // Lapsed, they hold all the goods there are, so that each call has to make room.
    let scarce = spread == Spread::OneSku && state == State::Lapsed;
    let database =
        site.database(if state == State::Open { "holds_open" } else { "holds_lapsed" })?;
    goods::stock_up(site, &database, if scarce { holds } else { PLENTY })?;
    goods::hold(site, &database, holds, spread)?;
    let which = if state == State::Open { "open" } else { "lapsed" };
    let title = format!("{holds} {which} on {}", spread.name());
    if state == State::Lapsed {
        goods::lapse(&database)?;
        untouched(site, &database, spread, &title, &free[1], outcome)?;
    }
    for (side, free) in by_turns(site, &database, spread, &title, outcome)?.iter().zip(free) {
        judge(side, free, outcome);
    }
    close(site, [database])
}

/// Who reads adds up what has lapsed since anybody wrote the stock row. That is done for good by whoever
/// writes it next: a call, or the first pass of upkeep, which begins with those that are due longest.
fn untouched(
    site: &Site,
    database: &Database,
    spread: Spread,
    title: &str,
    free: &Side,
    outcome: &mut Outcome,
) -> Result<()> {
    let load = Load::new("stock_level, untouched", level(spread), 1);
    let mut read = |since: &str| {
        let (calls, within) = site.measure(database, &load, site.slice())?;
        let what = format!("stock_level, {title}, {since}");
        outcome.side(what, 1, &Seen::of(&calls.all, &within))
    };
    read("nobody came since")?;
    database.run_as(KEEPER, "SELECT inventory.maintain()")?;
    let side = read("after a pass of upkeep")?;
    judge(&side, free, outcome);
    Ok(())
}

/// A side for each of `CALLS`.
fn by_turns(
    site: &Site,
    database: &Database,
    spread: Spread,
    title: &str,
    outcome: &mut Outcome,
) -> Result<Vec<Side>> {
    let mut load = Load::new(CALLS.join(" and "), reserve(spread), 1);
    load.scripts.push(level(spread));
    let (calls, within) = site.measure(database, &load, site.span())?;
    let mut side = |(script, name): (usize, &str)| {
        let seen = Seen::of(&calls.of_script(script), &within);
        outcome.side(format!("{name}, {title}"), 1, &seen)
    };
    CALLS.into_iter().enumerate().map(&mut side).collect()
}

fn judge(side: &Side, free: &Side, outcome: &mut Outcome) {
    let times = side.p50_ms / free.p50_ms;
    outcome.note(format!("p50 over that with nothing held, {}", side.what), times, "times");
    outcome.checks.push(Check::new(format!("p50 ms, {}", side.what), side.p50_ms, MEDIAN_MS));
}

/// A script's beginning that draws a SKU, and its SQL expression.
fn sku(spread: Spread) -> (&'static str, &'static str) {
    match spread {
        Spread::OneSku => ("", "'HOT'"),
        Spread::AllSkus => ("\\set n random(1, 10000)\n", "'SKU-' || lpad(:n::text, 6, '0')"),
    }
}

fn reserve(spread: Spread) -> String {
    let (draw, sku) = sku(spread);
    format!(
        "{draw}SELECT * FROM inventory.reserve({sku}, 1, ttl => '1 day', request_id => gen_random_uuid());"
    )
}

fn level(spread: Spread) -> String {
    let (draw, sku) = sku(spread);
    format!("{draw}SELECT * FROM inventory.stock_level WHERE sku = {sku};")
}
