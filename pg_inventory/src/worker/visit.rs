//! A visit: what upkeep is due in one database, in short transactions.

use super::board::{self, Found};
use crate::pg::{process, server, spi};
use crate::session::{self, LAYOUT};
use crate::upkeep::{Done, JOBS};
use inventory_core::{Code, Refusal};
use std::time::{Duration, Instant};

/// How long a visit lasts at most: who wants to drop the database waits no longer.
const LASTS: Duration = Duration::from_secs(2);

/// The process. What PostgreSQL raises ends it; the launcher comes back later.
pub fn run(database: u32) {
    process::be_visitor(database);
    board::note(database, Found::Begun, server::now());
    let begun = Instant::now();
    let found = look_around();
    if found == Found::Kept {
        while work() && begun.elapsed() < LASTS {}
    }
    board::note(database, found, server::now());
}

fn look_around() -> Found {
    process::transaction("look around", || {
        spi::connect(|spi| match session::stored_layout(spi) {
            None => Found::NoTables,
            Some(LAYOUT) => Found::Kept,
            Some(other) => Found::OtherLayout(other),
        })
    })
}

/// A pass of each job; whether any has more to do. In between it rests as long as it worked, so that
/// it takes no more than half of anything.
fn work() -> bool {
    let mut more = false;
    for job in &JOBS {
        let begun = Instant::now();
        let done = process::transaction(job.name, || spi::connect(|spi| (job.pass)(spi)));
        more |= done.map_or_else(stop_at, |done: Done| done.more);
        process::rest(begun.elapsed());
    }
    more
}

/// The tables went, or changed, under the visit: the next one finds out.
fn stop_at(refusal: Refusal) -> bool {
    if refusal.code != Code::NotInstalled {
        pgrx::log!("pg_inventory: upkeep was refused: {refusal}");
    }
    false
}
