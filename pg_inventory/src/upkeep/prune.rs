//! Forgets requests, resolved holds and ended sagas whose time is over.
//!
//! Their tables have no index on time, which every command would have to keep: rows leave block by
//! block instead, in rounds through the table. Space that they leave is taken by new rows once
//! autovacuum was there, so the tables stay as large as their retention needs.

use super::{Done, Progress, ago};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans::{self, Statement};
use crate::settings;
use inventory_core::Refusal;
use inventory_core::time::Moment;

/// Blocks of one pass: some ten thousand requests.
const BLOCKS: i64 = 128;
/// Microseconds from one round to the next.
const EVERY: i64 = 3_600 * 1_000_000;

pub fn requests(spi: &Spi) -> Result<Done, Refusal> {
    let until = ago(settings::REQUEST_RETENTION.get());
    pass(spi, "prune requests", &plans::REQUEST_BLOCKS, &plans::PRUNE_REQUESTS, until)
}

pub fn holds(spi: &Spi) -> Result<Done, Refusal> {
    let until = ago(settings::HOLD_RETENTION.get());
    pass(spi, "prune holds", &plans::HOLD_BLOCKS, &plans::PRUNE_HOLDS, until)
}

/// A saga is kept as long as the request that began it: a repeat is told of it.
pub fn sagas(spi: &Spi) -> Result<Done, Refusal> {
    let until = ago(settings::SAGA_RETENTION.get().max(settings::REQUEST_RETENTION.get()));
    pass(spi, "prune sagas", &plans::SAGA_BLOCKS, &plans::PRUNE_SAGAS, until)
}

/// Takes what is older than `until` out of the next blocks.
fn pass(
    spi: &Spi,
    job: &'static str,
    blocks: &Statement,
    prune: &Statement,
    until: Moment,
) -> Result<Done, Refusal> {
    let Some(mut progress) = Progress::of(spi, job).filter(|p| p.due(EVERY)) else {
        return Ok(Done::default());
    };
    let end = spi.execute(blocks.plan(spi), &Args::new()).first().map_or(0, |row| row.int8(1));
    let next = progress.position.saturating_add(BLOCKS);
    let place = |block: i64| format!("({block},0)");
    let args = Args::new().text(&place(progress.position)).text(&place(next)).moment(until);
    let count = spi.execute(prune.plan(spi), &args).processed();
    let more = next < end;
    progress.position = if more { next } else { 0 };
    progress.at = if more { progress.at } else { server::now() };
    progress.keep(spi);
    Ok(Done { count, more })
}
