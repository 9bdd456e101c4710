//! `scale`: the same ten thousand SKUs in small and large tables.

use inventory_benches::{Bound, Check, Load, Result};

use crate::fill::{self, Size};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "scale";

const CLIENTS: u32 = 32;
const KEPT: Bound = Bound::AtLeast(0.8);

/// The smallest first.
fn sizes(site: &Site) -> Vec<(&'static str, Size)> {
    let size = |stock, journal, request| {
        Size::of(site.rows(stock), site.rows(journal), site.rows(request))
    };
    let mut sizes = vec![
        ("scale_small", size(10_000, 1_000_000, 1_000_000)),
        ("scale_large", size(1_000_000, 10_000_000, 10_000_000)),
    ];
    if site.options.full {
        sizes.push(("scale_huge", size(10_000_000, 10_000_000, 10_000_000)));
    }
    sizes
}

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    // Once an hour upkeep reads a large table of requests; that is measured by itself.
    site.upkeep(false)?;
    let mut tables = Vec::new();
    for (name, size) in sizes(site) {
        let database = site.database(name)?;
        fill::tables(site, &database, size)?;
        tables.push((database, size, Seen::default()));
    }
    let load = Load::new("deduct", fill::deduct_touched(), CLIENTS);
    for round in 0..site.slices() {
        let mut turn: Vec<usize> = (0..tables.len()).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for which in turn {
            let (database, _, seen) = &mut tables[which];
            let (calls, within) = site.measure(database, &load, site.slice())?;
            seen.add(&calls.all, &within);
        }
    }
    let mut smallest = None;
    for (_, size, seen) in &tables {
        let Size { stock, journal, request } = size;
        let what = format!("deduct, {stock} stock, {journal} journal, {request} requests");
        let side = outcome.side(what, CLIENTS, seen)?;
        if let Some(most) = smallest {
            let what = format!("rate over that at the smallest, {}", side.what);
            outcome.checks.push(Check::new(what, side.calls_per_second / most, KEPT));
        }
        smallest = smallest.or(Some(side.calls_per_second));
    }
    close(site, tables.into_iter().map(|(database, ..)| database))?;
    Ok(outcome)
}
