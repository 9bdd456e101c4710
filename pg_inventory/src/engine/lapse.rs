//! Holds past their time: gone at that very moment, whether anybody has swept them or not.
//!
//! A stock row counts the units of its lapsed holds, so that each is added up once. Only when their
//! units are needed are they booked as expired, as many as it takes.

use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::book::{Book, DueLine, Row};
use inventory_core::command::{Need, Place};
use inventory_core::hold::HoldId;
use inventory_core::time::Moment;
use std::collections::BTreeMap;

/// PostgreSQL's `infinity`.
const EVER: Moment = Moment(i64::MAX);

/// Brings each row's count of lapsed units up to `now`, and reads as many lapsed lines as may have to
/// make room for what the needs take.
pub fn settle(spi: &Spi, book: &mut Book, needs: &[Need], now: Moment) {
    let mut wanted = None;
    for (place, row) in book.rows_mut() {
        let passed = row.next_expiry.is_some_and(|at| at <= now);
        if !passed && row.lapsed == 0 {
            continue;
        }
        count(spi, place, row, passed, now);
        let wanted = wanted.get_or_insert_with(|| units(needs));
        let short = row.shortfall(wanted.get(place).copied().unwrap_or(0));
        if short > 0 {
            row.due = due(spi, place, row, now, short);
        }
    }
}

/// How many units the needs take of each place at most.
fn units<'n>(needs: &'n [Need]) -> BTreeMap<&'n Place, i64> {
    let mut units: BTreeMap<&Place, i64> = BTreeMap::new();
    for need in needs {
        let sum = units.entry(&need.place).or_default();
        *sum = sum.saturating_add(need.units);
    }
    units
}

/// Adds up what lapsed since the row was counted; or takes off what has not, where the clock stepped
/// back.
fn count(spi: &Spi, place: &Place, row: &mut Row, passed: bool, now: Moment) {
    let before = |at: Moment| at.plus(-1);
    let between = |after, until| {
        let args = key(place, row).moment(after).moment(until);
        spi.execute(plans::HELD_BETWEEN.plan(spi), &args).first().map_or(0, |r| r.int8(1))
    };
    let units = match row.next_expiry {
        Some(next) if passed => between(before(next), now),
        next => -between(now, next.map_or(EVER, before)),
    };
    if passed || units != 0 {
        row.lapsed += units;
        let next = spi.execute(plans::NEXT_EXPIRY.plan(spi), &key(place, row).moment(now));
        row.next_expiry = next.first().map(|r| r.moment(1));
    }
}

/// Lapsed lines of at least `units` units, the first due first; each has one unit or more.
fn due(spi: &Spi, place: &Place, row: &Row, now: Moment, units: i64) -> Vec<DueLine> {
    let args = key(place, row).moment(now).int8(units);
    let lines = spi.execute(plans::DUE_LINES.plan(spi), &args);
    let line = |r: crate::pg::spi::Row<'_>| DueLine {
        hold: HoldId(r.uuid(1)),
        line: r.int4(2),
        quantity: r.int8(3),
    };
    lines.iter().map(line).collect()
}

fn key(place: &Place, row: &Row) -> Args<'static> {
    let lot = row.lot.as_deref().unwrap_or("");
    Args::new().text(&place.sku).int4(place.warehouse_id.number()).text(lot)
}
