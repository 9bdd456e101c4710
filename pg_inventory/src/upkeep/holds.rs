//! Closes holds past their time.

use super::{Done, queue};
use crate::engine::{self, Position, Swept};
use crate::pg::spi::Spi;
use crate::pg::{failure, guc};
use inventory_core::Refusal;
use inventory_core::command::Place;
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Holds closed in one pass: their stock rows are locked for some milliseconds.
const HOLDS: usize = 200;
/// Milliseconds in line for a row that others sell from: some hundred of them have their turn meanwhile.
const IN_LINE: i32 = 250;
/// Rows that were found to be kept in one round; after so many none is waited for any more.
const IN_VAIN: usize = 32;

/// A round through all holds that are due.
#[derive(Default)]
struct Round {
    /// Where the next pass goes on, so that holds which somebody has do not stop those behind them.
    next: Option<Position>,
    /// A place to stand in line for: who only looks whether its row is free never gets one that is sold
    /// from all the time.
    line: Option<Place>,
    /// Places that somebody keeps, or that were waited for in vain.
    kept: Vec<Place>,
}

thread_local! {
    static ROUND: RefCell<Round> = RefCell::default();
}

pub fn expire(spi: &Spi) -> Result<Done, Refusal> {
    let round = ROUND.take();
    let due = engine::due(spi, round.next, HOLDS);
    let behind = due.last().copied().filter(|_| due.len() == HOLDS);
    // Set before anything can fail: then the next pass begins behind these.
    ROUND.set(Round { next: behind, ..Round::default() });
    let (count, round) = round.pass(spi, &due, behind)?;
    let more = round.next.is_some() || round.line.is_some();
    ROUND.set(round);
    Ok(Done { count, more })
}

impl Round {
    /// Closes what it can; how many, and how the round goes on. Where a row is worth waiting for, the
    /// same holds have their turn again: it is the first that the next transaction locks.
    fn pass(
        mut self,
        spi: &Spi,
        due: &[Position],
        behind: Option<Position>,
    ) -> Result<(usize, Round), Refusal> {
        let swept = match self.line.take() {
            Some(place) => self.in_line(spi, due, place)?,
            None => engine::expire(spi, due, None)?,
        };
        if let Some(place) = self.worth_waiting(spi, swept.in_the_way)? {
            self.line = Some(place);
        } else if behind.is_some() {
            self.next = behind;
        } else {
            self = Round::default();
        }
        Ok((swept.closed, self))
    }

    /// The first of the places in the way that somebody has for a moment only.
    fn worth_waiting(
        &mut self,
        spi: &Spi,
        in_the_way: BTreeSet<Place>,
    ) -> Result<Option<Place>, Refusal> {
        for place in in_the_way {
            if self.kept.len() >= IN_VAIN {
                break;
            }
            if self.kept.contains(&place) {
                continue;
            }
            let by = engine::locked_by(spi, &place)?;
            if !by.is_some_and(|xid| queue::is_long(spi, xid)) {
                return Ok(Some(place));
            }
            self.kept.push(place);
        }
        Ok(None)
    }

    /// Waits for a place's row for a while. If that was not in vain, the next pass waits for it too.
    fn in_line(&mut self, spi: &Spi, due: &[Position], place: Place) -> Result<Swept, Refusal> {
        let wait = || guc::with_lock_timeout(IN_LINE, || engine::expire(spi, due, Some(&place)));
        let swept = match failure::subtransaction(wait) {
            Ok(swept) => swept?,
            Err(failure) if failure.is_of_a_lock() => {
                self.kept.push(place);
                return engine::expire(spi, due, None);
            }
            Err(failure) => failure.raise(),
        };
        match swept.closed {
            0 => self.kept.push(place),
            _ => self.line = Some(place),
        }
        Ok(swept)
    }
}
