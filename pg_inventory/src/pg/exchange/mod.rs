//! Where callers and committers meet: slots in shared memory, each with room for one call and its
//! answer, and a desk a database, behind which its committer sits.
//!
//! A slot changes hands by its state alone, and only who has it touches what is in it:
//!
//! ```text
//! FREE ─► OWNED ─► POSTED ─► TAKEN ─► ANSWERED ─► FREE      (caller, caller, committer, committer, caller)
//!                    ▲─────────┘                            put back, for another time
//! ```
//!
//! A caller that goes takes back what is POSTED. What is TAKEN it leaves ABANDONED, and the committer
//! frees it. After a crash PostgreSQL makes its shared memory anew, and with it every slot is free.

mod caller;
mod committer;
mod desk;
mod slot;

pub use caller::Place;
pub use committer::{Taken, sit_down};
pub use desk::{Count, Desk, Service};

use super::region::Region;
use pgrx::pg_sys::{self, Datum};
use slot::Slot;
use std::ffi::c_int;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::sync::atomic::{AtomicPtr, AtomicU64};

/// Databases that can have a committer.
const DESKS: usize = 64;

/// Lives in shared memory; all zero is how it begins.
#[repr(C)]
struct Exchange {
    launcher: AtomicPtr<pg_sys::Latch>,
    tickets: AtomicU64,
    desks: [Desk; DESKS],
}

/// The exchange, and behind it the slots.
pub static REGION: Region =
    Region::new(c"pg_inventory exchange", || SLOTS + slots() * size_of::<Slot>());

/// Where the slots begin.
const SLOTS: usize = size_of::<Exchange>().next_multiple_of(align_of::<Slot>());

/// A slot for every process there can be.
fn slots() -> usize {
    // SAFETY: a constant once libraries are loaded.
    usize::try_from(unsafe { pg_sys::MaxBackends }).unwrap_or(0)
}

fn exchange() -> Option<&'static Exchange> {
    // SAFETY: null, or shared memory that stays where it is as long as the process lives, aligned and
    // large enough; zero is a valid state of all of it.
    unsafe { REGION.at().cast::<Exchange>().as_ref() }
}

fn all_slots() -> &'static [Slot] {
    let first = REGION.at();
    if first.is_null() {
        return &[];
    }
    // SAFETY: as above; as many as the memory was made for.
    unsafe { std::slice::from_raw_parts(first.add(SLOTS).cast::<Slot>(), slots()) }
}

/// Whether the library was preloaded, so that calls can meet here.
pub fn is_there() -> bool {
    exchange().is_some()
}

/// Wakes the process a latch belongs to.
fn wake(latch: &AtomicPtr<pg_sys::Latch>) {
    let latch = latch.load(Acquire);
    if !latch.is_null() {
        // SAFETY: the latch of a process slot in shared memory: there as long as the server is. If it
        // belongs to another process by now, that one wakes for nothing.
        unsafe { pg_sys::SetLatch(latch) };
    }
}

fn my_latch() -> *mut pg_sys::Latch {
    // SAFETY: set once the process has joined the others.
    unsafe { pg_sys::MyLatch }
}

/// The launcher takes and leaves its place.
pub fn launcher_is_here() {
    extern "C-unwind" fn on_exit(_code: c_int, _argument: Datum) {
        if let Some(exchange) = exchange() {
            exchange.launcher.store(std::ptr::null_mut(), Release);
        }
    }
    if let Some(exchange) = exchange() {
        exchange.launcher.store(my_latch(), Release);
        // SAFETY: the callback touches atomics only.
        unsafe { pg_sys::before_shmem_exit(Some(on_exit), Datum::from(0)) };
    }
}
