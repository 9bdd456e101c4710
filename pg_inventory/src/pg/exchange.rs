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

use super::region::Region;
use super::server::{self, Tick};
use inventory_core::time::Moment;
use pgrx::pg_sys::{self, Datum};
use std::cell::UnsafeCell;
use std::ffi::c_int;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicPtr, AtomicU32, AtomicU64};

/// Bytes for a call or its answer. The longest call has five texts of 64 characters.
pub const ROOM: usize = 2_048;
/// Databases that can have a committer.
const DESKS: usize = 64;

const FREE: u32 = 0;
const OWNED: u32 = 1;
const POSTED: u32 = 2;
const TAKEN: u32 = 3;
const ANSWERED: u32 = 4;
const ABANDONED: u32 = 5;

#[repr(C, align(64))]
struct Slot {
    state: AtomicU32,
    /// The database it is posted in.
    database: AtomicU32,
    /// Calls are taken in this order.
    ticket: AtomicU64,
    /// When the call is refused as busy at the latest, if nobody could get at its goods, in ticks.
    deadline: AtomicI64,
    /// A call that was put back is not taken again before that, in ticks.
    not_before: AtomicI64,
    /// How often it was put back.
    returns: AtomicU32,
    /// It made a batch fail: it goes by itself from now on.
    alone: AtomicBool,
    /// A commit is under way of which, should the committer die, nobody would know how it ended.
    unsure: AtomicBool,
    caller: AtomicPtr<pg_sys::Latch>,
    length: AtomicU32,
    message: UnsafeCell<[u8; ROOM]>,
}

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
pub const COUNTS: usize = Count::Largest as usize + 1;

/// A database's place in the exchange.
#[repr(C, align(64))]
pub struct Desk {
    database: AtomicU32,
    service: AtomicU32,
    /// Since when the service is what it is.
    since: AtomicI64,
    /// The same in ticks.
    since_tick: AtomicI64,
    /// Whose desk it is: one process sits there until it ends.
    committer: AtomicPtr<pg_sys::Latch>,
    counts: [AtomicU64; COUNTS],
}

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

// The caller's side --------------------------------------------------------------------------------

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

impl Slot {
    /// Changes hands, if it is as expected.
    fn turn(&self, from: u32, to: u32) -> bool {
        self.state.compare_exchange(from, to, SeqCst, Acquire).is_ok()
    }

    /// The caller has done with it.
    fn leave(&self) {
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
    unsafe fn content(&self) -> &[u8] {
        // SAFETY: nobody else touches it meanwhile.
        let room: &[u8; ROOM] = unsafe { &*self.message.get() };
        &room[..(self.length.load(Relaxed) as usize).min(ROOM)]
    }
}

// The desks ----------------------------------------------------------------------------------------

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

    fn note_since(&self) {
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

// The committer's side -----------------------------------------------------------------------------

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

impl Slot {
    fn committer_left(&self) {
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
    fn say_nothing(&self) {
        self.length.store(0, Relaxed);
        self.pass_on(ANSWERED);
        wake(&self.caller);
    }

    /// Hands it back to its caller, or frees it where the caller has gone.
    fn pass_on(&self, state: u32) {
        self.unsure.store(false, Relaxed);
        if !self.turn(TAKEN, state) {
            self.turn(ABANDONED, FREE);
        }
    }
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
