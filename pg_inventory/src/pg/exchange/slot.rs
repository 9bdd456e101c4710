//! A slot: room for one call and its answer.

use super::wake;
use pgrx::pg_sys;
use std::cell::UnsafeCell;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};

/// Bytes for a call or its answer. The longest call has five texts of 64 characters.
const ROOM: usize = 2_048;
pub(super) const FREE: u32 = 0;
pub(super) const OWNED: u32 = 1;
pub(super) const POSTED: u32 = 2;
pub(super) const TAKEN: u32 = 3;
pub(super) const ANSWERED: u32 = 4;
pub(super) const ABANDONED: u32 = 5;

#[repr(C, align(64))]
pub(super) struct Slot {
    pub(super) state: AtomicU32,
    /// The database it is posted in.
    pub(super) database: AtomicU32,
    /// Calls are taken in this order.
    pub(super) ticket: AtomicU64,
    /// When the call is refused as busy at the latest, if nobody could get at its goods, in ticks.
    pub(super) deadline: AtomicI64,
    /// A call that was put back is not taken again before that, in ticks.
    pub(super) not_before: AtomicI64,
    /// How often it was put back.
    pub(super) returns: AtomicU32,
    /// It made a batch fail: it goes by itself from now on.
    pub(super) alone: AtomicBool,
    /// A commit is under way of which, should the committer die, nobody would know how it ended.
    pub(super) unsure: AtomicBool,
    pub(super) caller: AtomicPtr<pg_sys::Latch>,
    pub(super) length: AtomicU32,
    pub(super) message: UnsafeCell<[u8; ROOM]>,
}

impl Slot {
    /// Changes hands, if it is as expected.
    pub(super) fn turn(&self, from: u32, to: u32) -> bool {
        self.state.compare_exchange(from, to, SeqCst, Acquire).is_ok()
    }

    /// The caller has done with it.
    pub(super) fn leave(&self) {
        // A committer may take the call, put it back or answer it meanwhile.
        let left = |state| match state {
            POSTED => self.turn(POSTED, FREE),
            TAKEN => self.turn(TAKEN, ABANDONED),
            other => self.turn(other, FREE),
        };
        while !left(self.state.load(Acquire)) {}
    }

    /// # Safety
    /// Only for who has the slot.
    pub(super) unsafe fn content(&self) -> &[u8] {
        // SAFETY: nobody else touches it meanwhile.
        let room: &[u8; ROOM] = unsafe { &*self.message.get() };
        &room[..(self.length.load(Relaxed) as usize).min(ROOM)]
    }

    pub(super) fn committer_left(&self) {
        match self.state.load(Acquire) {
            TAKEN if self.unsure.load(Relaxed) => self.say_nothing(),
            TAKEN | ABANDONED => self.pass_on(POSTED),
            _ => {}
        }
        if self.state.load(Acquire) == POSTED {
            wake(&self.caller);
        }
    }

    /// Gives an answer that says nothing.
    pub(super) fn say_nothing(&self) {
        self.length.store(0, Relaxed);
        self.pass_on(ANSWERED);
        wake(&self.caller);
    }

    /// Hands it back to its caller, or frees it where the caller has gone.
    pub(super) fn pass_on(&self, state: u32) {
        self.unsure.store(false, Relaxed);
        if !self.turn(TAKEN, state) {
            self.turn(ABANDONED, FREE);
        }
    }
}
