//! The caller's side.

use super::slot::{ANSWERED, FREE, OWNED, POSTED, Slot};
use super::{Desk, all_slots, exchange, my_latch};
use crate::pg::server::Tick;
use pgrx::pg_sys::{self, Datum};
use std::ffi::c_int;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicPtr};

/// A slot of this process, given back when it is dropped.
pub struct Place {
    slot: &'static Slot,
}

/// The slot that this process has, if any: given back also when the process ends without unwinding.
static MINE: AtomicPtr<Slot> = AtomicPtr::new(std::ptr::null_mut());
static WATCHING: AtomicBool = AtomicBool::new(false);

extern "C-unwind" fn on_exit(_code: c_int, _argument: Datum) {
    // SAFETY: null, or one of the slots.
    if let Some(slot) = unsafe { MINE.load(Relaxed).as_ref() } {
        slot.leave();
    }
}

impl Place {
    /// Takes a free slot; nothing when all are in use.
    pub fn find() -> Option<Place> {
        if !WATCHING.swap(true, Relaxed) {
            // SAFETY: the callback touches atomics only.
            unsafe { pg_sys::before_shmem_exit(Some(on_exit), Datum::from(0)) };
        }
        let slots = all_slots();
        // Each process begins its search elsewhere, and so finds its own slot of last time.
        let first = std::process::id() as usize % slots.len().max(1);
        let mut around = slots[first..].iter().chain(&slots[..first]);
        let slot = around.find(|slot| slot.turn(FREE, OWNED))?;
        MINE.store(std::ptr::from_ref(slot).cast_mut(), Relaxed);
        Some(Place { slot })
    }

    /// Hands the call over. It is refused as busy when its goods cannot be had until `deadline`.
    pub fn post(&self, desk: &Desk, deadline: Tick, write: impl FnOnce(&mut [u8]) -> usize) {
        let slot = self.slot;
        // SAFETY: the slot is OWNED by us.
        let length = write(unsafe { &mut *slot.message.get() });
        slot.length.store(length as u32, Relaxed);
        slot.database.store(desk.database(), Relaxed);
        slot.deadline.store(deadline.0, Relaxed);
        slot.not_before.store(i64::MIN, Relaxed);
        slot.returns.store(0, Relaxed);
        slot.alone.store(false, Relaxed);
        slot.unsure.store(false, Relaxed);
        slot.caller.store(my_latch(), Relaxed);
        let ticket = exchange().map_or(0, |exchange| exchange.tickets.fetch_add(1, Relaxed));
        slot.ticket.store(ticket, Relaxed);
        // In one order with the desk's state, so that a committer about to leave sees the call or we
        // see that it has left.
        slot.state.store(POSTED, SeqCst);
        desk.knock();
    }

    /// The answer, once it is there.
    pub fn answer<R>(&self, read: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let slot = self.slot;
        if slot.state.load(Acquire) != ANSWERED {
            return None;
        }
        // SAFETY: an ANSWERED slot is ours.
        Some(read(unsafe { slot.content() }))
    }

    /// Takes the call back; false when a committer has it, or had it.
    pub fn withdraw(&self) -> bool {
        self.slot.turn(POSTED, OWNED)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.slot.leave();
        MINE.store(std::ptr::null_mut(), Relaxed);
    }
}
