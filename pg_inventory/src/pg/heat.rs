//! How often each SKU is named, counted in shared memory by whoever names it.
//!
//! A few hundred places for millions of SKUs: the busiest keep theirs, a rare one takes the place of
//! another rare one. Counts may be lost where two sessions meet; they are for finding what thousands want.

use super::region::Region;
use inventory_core::time::Moment;
use std::cell::UnsafeCell;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicI64, AtomicU32, AtomicU64};

/// Places, and how many of them one SKU may be in.
const PLACES: usize = 1_024;
const CHOICE: usize = 8;
/// Bytes of the longest SKU.
const SKU: usize = 256;

#[repr(C, align(64))]
struct Place {
    /// Of database and SKU; 0 for a place that is free.
    hash: AtomicU64,
    since: AtomicI64,
    commands: AtomicU32,
    waits: AtomicU32,
    database: AtomicU32,
    warehouse: AtomicI32,
    /// Somebody reads or writes the name.
    locked: AtomicBool,
    length: AtomicU32,
    name: UnsafeCell<[u8; SKU]>,
}

pub static REGION: Region = Region::new(c"pg_inventory heat", || PLACES * size_of::<Place>());

fn places() -> &'static [Place] {
    let first = REGION.at().cast::<Place>();
    if first.is_null() {
        return &[];
    }
    // SAFETY: shared memory that stays where it is as long as the process lives, aligned and as large as
    // it was asked for; zero is a valid state of all of it.
    unsafe { std::slice::from_raw_parts(first, PLACES) }
}

/// Counts so many commands that name the SKU in a warehouse, and whether they waited for its row.
pub fn note(database: u32, sku: &str, warehouse: i32, commands: usize, waited: bool) {
    let places = places();
    if places.is_empty() {
        return;
    }
    let hash = hash(database, sku);
    let first = hash as usize % PLACES;
    let choice = || (0..CHOICE).map(|n| &places[(first + n) % PLACES]);
    let known = choice().find(|place| place.hash.load(Acquire) == hash);
    let rarest = || choice().min_by_key(|place| place.commands.load(Relaxed));
    let Some(place) = known.or_else(|| rarest().filter(|p| p.give_to(hash, database, sku))) else {
        return;
    };
    let commands = u32::try_from(commands).unwrap_or(u32::MAX);
    place.commands.fetch_add(commands, Relaxed);
    place.warehouse.store(warehouse, Relaxed);
    if waited {
        place.waits.fetch_add(commands, Relaxed);
    }
}

fn hash(database: u32, sku: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (database, sku).hash(&mut hasher);
    hasher.finish().max(1)
}

/// What was seen of a SKU.
pub struct Seen {
    pub sku: String,
    pub warehouse: i32,
    pub since: Moment,
    pub commands: u32,
    pub waits: u32,
}

/// Takes what was counted in this database, if it was for long enough, and begins anew.
pub fn take(database: u32, now: Moment, at_least: i64) -> Vec<Seen> {
    let here = |place: &&Place| {
        place.hash.load(Acquire) != 0
            && place.database.load(Relaxed) == database
            && place.since.load(Relaxed).saturating_add(at_least) <= now.0
    };
    places().iter().filter(here).filter_map(|place| place.take(now)).collect()
}

impl Place {
    /// Gives the place to a SKU, unless somebody is at it.
    fn give_to(&self, hash: u64, database: u32, sku: &str) -> bool {
        if sku.len() > SKU || self.locked.swap(true, Acquire) {
            return false;
        }
        self.hash.store(0, Relaxed);
        // SAFETY: locked by us, until the store below.
        unsafe { (&mut *self.name.get())[..sku.len()].copy_from_slice(sku.as_bytes()) };
        self.length.store(sku.len() as u32, Relaxed);
        self.database.store(database, Relaxed);
        self.commands.store(0, Relaxed);
        self.waits.store(0, Relaxed);
        self.since.store(super::server::now().0, Relaxed);
        self.hash.store(hash, Release);
        self.locked.store(false, Release);
        true
    }

    fn take(&self, now: Moment) -> Option<Seen> {
        if self.locked.swap(true, Acquire) {
            return None;
        }
        let length = (self.length.load(Relaxed) as usize).min(SKU);
        // SAFETY: locked by us, until the store below.
        let name = unsafe { (&*self.name.get())[..length].to_vec() };
        let seen = String::from_utf8(name).ok().map(|sku| Seen {
            sku,
            warehouse: self.warehouse.load(Relaxed),
            since: Moment(self.since.swap(now.0, Relaxed)),
            commands: self.commands.swap(0, Relaxed),
            waits: self.waits.swap(0, Relaxed),
        });
        self.locked.store(false, Release);
        seen
    }
}
