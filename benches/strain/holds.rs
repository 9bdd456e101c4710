//! `holds`: a hundred thousand of them, and the SKU that has them answers as fast as ever.

use inventory_benches::{Bound, Check, Database, Load, Result};

use crate::goods::{self, PLENTY, Spread};
use crate::outcome::{Outcome, Seen};
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

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    site.upkeep(false)?;
    for spread in [Spread::OneSku, Spread::AllSkus] {
        for state in [State::Open, State::Lapsed] {
            measure_one(site, spread, state, &mut outcome)?;
        }
    }
    Ok(outcome)
}

fn measure_one(site: &Site, spread: Spread, state: State, outcome: &mut Outcome) -> Result<()> {
    let holds = site.rows(100_000);
    // Lapsed, they hold all the goods there are, so that each call has to make room.
    let scarce = spread == Spread::OneSku && state == State::Lapsed;
    let database = site.database(match (spread, state) {
        (Spread::OneSku, State::Open) => "holds_open_one",
        (Spread::OneSku, State::Lapsed) => "holds_lapsed_one",
        (Spread::AllSkus, State::Open) => "holds_open_all",
        (Spread::AllSkus, State::Lapsed) => "holds_lapsed_all",
    })?;
    goods::stock_up(site, &database, if scarce { holds } else { PLENTY })?;
    if state == State::Open {
        both(site, &database, spread, &format!("nothing held, {}", spread.name()), outcome)?;
    }
    goods::hold(site, &database, holds, spread)?;
    let which = if state == State::Open { "open" } else { "lapsed" };
    let title = format!("{holds} {which} on {}", spread.name());
    if state == State::Lapsed {
        goods::lapse(&database)?;
        let load = Load::new("stock_level, untouched", level(spread), 1);
        let (calls, within) = site.measure(&database, &load, site.slice())?;
        let what = format!("stock_level, {title}, nobody came since");
        push(outcome, what, &Seen::of(&calls.all, &within))?;
    }
    both(site, &database, spread, &title, outcome)?;
    close(site, [database])
}

/// Reserves and reads by turns.
fn both(
    site: &Site,
    database: &Database,
    spread: Spread,
    title: &str,
    outcome: &mut Outcome,
) -> Result<()> {
    let mut load = Load::new("reserve and stock_level", reserve(spread), 1);
    load.scripts.push(level(spread));
    let (calls, within) = site.measure(database, &load, site.span())?;
    for (script, name) in ["reserve", "stock_level"].into_iter().enumerate() {
        let seen = Seen::of(&calls.of_script(script), &within);
        push(outcome, format!("{name}, {title}"), &seen)?;
    }
    Ok(())
}

fn push(outcome: &mut Outcome, what: String, seen: &Seen) -> Result<()> {
    let side = outcome.side(what, 1, seen)?;
    outcome.checks.push(Check::new(format!("p50 ms, {}", side.what), side.p50_ms, MEDIAN_MS));
    Ok(())
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
