//! Closes holds past their time.

use super::Done;
use crate::engine::{self, Position};
use crate::pg::spi::Spi;
use inventory_core::Refusal;
use std::cell::Cell;

/// Holds closed in one pass: their stock rows are locked for some ten milliseconds.
const HOLDS: usize = 200;

thread_local! {
    /// Where the next pass goes on, so that holds which somebody has do not stop those behind them.
    static NEXT: Cell<Option<Position>> = const { Cell::new(None) };
}

pub fn expire(spi: &Spi) -> Result<Done, Refusal> {
    let due = engine::due(spi, NEXT.get(), HOLDS);
    let more = due.len() == HOLDS;
    // Set before anything can fail: then the next pass begins behind these.
    NEXT.set(due.last().copied().filter(|_| more));
    Ok(Done { count: engine::expire(spi, &due)?, more })
}
