//! The committer's side.

use super::slot::{ABANDONED, ANSWERED, POSTED, Slot, TAKEN};
use super::{Desk, Service, all_slots, my_latch, wake};
use crate::pg::server::Tick;
use pgrx::pg_sys::{self, Datum};
use std::ffi::c_int;
use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};

/// A call that the committer has. One that is neither answered nor put back is answered with nothing.
pub struct Taken {
    slot: &'static Slot,
}

impl Drop for Taken {
    fn drop(&mut self) {
        // Only we take calls, so what is taken now is so by this one.
        if matches!(self.slot.state.load(Acquire), TAKEN | ABANDONED) {
            self.slot.say_nothing();
        }
    }
}

/// What waits at a desk.
#[derive(Default)]
pub struct Waiting {
    /// To be run together, in the order they came.
    pub together: Vec<Taken>,
    /// To be run one by one.
    pub alone: Vec<Taken>,
    /// When the first of those that were put back is to be taken again.
    pub next: Option<Tick>,
}

/// Sits down at a desk until the process ends; false where somebody sits there. What it has then goes
/// back to be taken by the next committer, unless its commit was under way: of that nobody knows, so it
/// is left to its caller.
pub fn sit_down(desk: &'static Desk) -> bool {
    extern "C-unwind" fn on_exit(_code: c_int, desk: Datum) {
        // SAFETY: the desk that was passed when this was registered.
        let desk = unsafe { &*desk.cast_mut_ptr::<Desk>() };
        desk.service.store(Service::Closed as u32, SeqCst);
        let database = desk.database();
        for slot in all_slots().iter().filter(|s| s.database.load(Relaxed) == database) {
            slot.committer_left();
        }
        desk.committer.store(std::ptr::null_mut(), SeqCst);
    }
    let nobody = std::ptr::null_mut();
    if desk.committer.compare_exchange(nobody, my_latch(), SeqCst, Acquire).is_err() {
        return false;
    }
    // SAFETY: called once an open transaction was aborted; touches atomics in shared memory, where the
    // desk lives too.
    unsafe {
        let argument = Datum::from(std::ptr::from_ref(desk));
        pg_sys::on_shmem_exit(Some(on_exit), argument);
    }
    desk.service.store(Service::Open as u32, SeqCst);
    desk.note_since();
    true
}

impl Desk {
    /// Takes up to `most` calls that wait here, and up to `most_alone` of those that go by themselves.
    pub fn take(&self, now: Tick, most: usize, most_alone: usize) -> Waiting {
        let database = self.database();
        let mut waiting = Waiting::default();
        let mut due: Vec<&'static Slot> = Vec::new();
        for slot in all_slots() {
            let here = slot.state.load(Acquire) == POSTED;
            if !here || slot.database.load(Relaxed) != database {
                continue;
            }
            let not_before = Tick(slot.not_before.load(Relaxed));
            if not_before <= now {
                due.push(slot);
            } else {
                waiting.next = Some(waiting.next.map_or(not_before, |next| next.min(not_before)));
            }
        }
        due.sort_unstable_by_key(|slot| slot.ticket.load(Relaxed));
        for slot in due {
            let alone = slot.alone.load(Relaxed);
            let (list, most) = match alone {
                true => (&mut waiting.alone, most_alone),
                false => (&mut waiting.together, most),
            };
            if list.len() >= most {
                waiting.next = Some(now);
            } else if slot.turn(POSTED, TAKEN) {
                list.push(Taken { slot });
            }
        }
        waiting
    }

    /// Whether anything waits here. Read in one order with the desk's state.
    pub fn awaited(&self) -> bool {
        let database = self.database();
        let here = |slot: &Slot| {
            slot.state.load(SeqCst) == POSTED && slot.database.load(Relaxed) == database
        };
        all_slots().iter().any(here)
    }
}

impl Taken {
    pub fn read<R>(&self, read: impl FnOnce(&[u8]) -> R) -> R {
        // SAFETY: a TAKEN or ABANDONED slot is the committer's.
        read(unsafe { self.slot.content() })
    }

    pub fn answer(self, write: impl FnOnce(&mut [u8]) -> usize) {
        // SAFETY: as above.
        let length = write(unsafe { &mut *self.slot.message.get() });
        self.slot.length.store(length as u32, Relaxed);
        self.slot.pass_on(ANSWERED);
        wake(&self.slot.caller);
    }

    /// Says whether its commit is under way, of which nobody would know how it ended, should we die.
    pub fn unsure(&self, under_way: bool) {
        self.slot.unsure.store(under_way, Relaxed);
    }

    /// Puts the call back to be taken again after a while that grows each time; false once its
    /// deadline is over: then it is to be answered.
    pub fn put_back(&self, now: Tick, alone: bool) -> bool {
        let slot = self.slot;
        let deadline = Tick(slot.deadline.load(Relaxed));
        if deadline <= now {
            return false;
        }
        let pause = FIRST_PAUSE << slot.returns.fetch_add(1, Relaxed).min(LONGER);
        let not_before = Tick((now.0 / pause + 1) * pause).min(deadline);
        slot.not_before.store(not_before.0, Relaxed);
        slot.alone.fetch_or(alone, Relaxed);
        slot.pass_on(POSTED);
        true
    }

    /// Puts the call back as if it had not been taken.
    pub fn untake(self) {
        self.slot.pass_on(POSTED);
    }
}

/// Microseconds after which a call that was put back is taken again at the latest, the first time; then
/// twice as long each time, some times. Others hold a row for a millisecond or for as long as they forget
/// it; where many queue for it, it is free between two of them for a moment, which is to be met. Calls are
/// taken again at full multiples of their pause: then those that want the same try for it once together.
const FIRST_PAUSE: i64 = 1_500;
const LONGER: u32 = 3;
