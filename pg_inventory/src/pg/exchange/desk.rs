//! A desk: where the callers of a database find its committer.

use super::{exchange, wake};
use crate::pg::server::{self, Tick};
use inventory_core::time::Moment;
use pgrx::pg_sys;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicI64, AtomicPtr, AtomicU32, AtomicU64};

/// What the committer of a database is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// Nobody is there.
    Closed,
    /// A caller asks for one.
    Wanted,
    /// The launcher has sent one.
    Starting,
    Open,
    /// None could be had.
    Refused,
}

const SERVICES: [Service; 5] =
    [Service::Closed, Service::Wanted, Service::Starting, Service::Open, Service::Refused];

/// What a committer counts.
#[derive(Clone, Copy, Debug)]
pub enum Count {
    Batches,
    Accepted,
    Refused,
    /// Refused because somebody else's transaction had the goods.
    Busy,
    /// Put back for another time.
    PutBack,
    /// Batches that raised an error, and were run again call by call.
    Broken,
    /// The most calls that were committed together.
    Largest,
}

/// How many things are counted.
const COUNTS: usize = Count::Largest as usize + 1;

/// A database's place in the exchange.
#[repr(C, align(64))]
pub struct Desk {
    pub(super) database: AtomicU32,
    pub(super) service: AtomicU32,
    /// Since when the service is what it is.
    since: AtomicI64,
    /// The same in ticks.
    since_tick: AtomicI64,
    /// Whose desk it is: one process sits there until it ends.
    pub(super) committer: AtomicPtr<pg_sys::Latch>,
    counts: [AtomicU64; COUNTS],
}

impl Desk {
    /// The desk of a database, taken for it where it has none; nothing where the library is not
    /// preloaded, there are too many databases, or nobody is there to send a committer or be one.
    pub fn of(database: u32) -> Option<&'static Desk> {
        let exchange = exchange()?;
        let known = exchange.desks.iter().find(|desk| desk.database() == database);
        if exchange.launcher.load(Acquire).is_null() {
            return known.filter(|desk| desk.service() == Service::Open);
        }
        let taken = |desk: &&Desk| {
            let before = desk.database.compare_exchange(0, database, SeqCst, Acquire);
            before.is_ok() || before == Err(database)
        };
        known.or_else(|| exchange.desks.iter().find(taken))
    }

    /// The desks that are taken.
    pub fn all() -> impl Iterator<Item = &'static Desk> {
        let desks = exchange().map_or(&[][..], |exchange| &exchange.desks);
        desks.iter().filter(|desk| desk.database() != 0)
    }

    pub fn database(&self) -> u32 {
        self.database.load(Acquire)
    }

    pub fn service(&self) -> Service {
        SERVICES[self.service.load(SeqCst) as usize % SERVICES.len()]
    }

    /// Since when the service is what it is.
    pub fn since(&self) -> Moment {
        Moment(self.since.load(Relaxed))
    }

    /// Whether it has been that, so many microseconds at most.
    pub fn has_been(&self, service: Service, micros: i64) -> bool {
        let since = Tick(self.since_tick.load(Relaxed));
        self.service() == service && Tick::now() < since.plus(micros)
    }

    /// Changes the service, if it is as expected.
    pub fn turn(&self, from: Service, to: Service) -> bool {
        let turned = self.service.compare_exchange(from as u32, to as u32, SeqCst, Acquire).is_ok();
        if turned {
            self.note_since();
        }
        turned
    }

    pub(super) fn note_since(&self) {
        self.since.store(server::now().0, Relaxed);
        self.since_tick.store(Tick::now().0, Relaxed);
    }

    /// Frees the desk of a database that is gone, and with it all who could sit or wait here.
    pub fn clear(&self) {
        self.service.store(Service::Closed as u32, SeqCst);
        self.counts.iter().for_each(|count| count.store(0, Relaxed));
        self.database.store(0, Release);
    }

    /// Wakes its committer, or the launcher where there is none.
    pub fn knock(&self) {
        if self.service() == Service::Open {
            wake(&self.committer);
        } else if let Some(exchange) = exchange() {
            wake(&exchange.launcher);
        }
    }

    pub fn add(&self, count: Count, number: usize) {
        self.counts[count as usize].fetch_add(number as u64, Relaxed);
    }

    pub fn raise_to(&self, count: Count, number: usize) {
        self.counts[count as usize].fetch_max(number as u64, Relaxed);
    }

    pub fn count(&self, count: Count) -> i64 {
        self.counts[count as usize].load(Relaxed).try_into().unwrap_or(i64::MAX)
    }
}
