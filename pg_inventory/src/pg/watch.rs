//! Notices when relations we have looked up are altered, dropped or split by anybody.

use pgrx::pg_sys::{self, Datum, Oid};
use std::cell::{Cell, RefCell};

thread_local! {
    static WATCHED: RefCell<Vec<Oid>> = const { RefCell::new(Vec::new()) };
    static STALE: Cell<bool> = const { Cell::new(true) };
}

/// Called by PostgreSQL, also in the middle of our own statements: it only leaves a note.
unsafe extern "C-unwind" fn on_relation_change(_: Datum, relation: Oid) {
    let ours = relation == Oid::INVALID
        || WATCHED.with(|w| w.try_borrow().is_ok_and(|list| list.contains(&relation)));
    if ours {
        STALE.set(true);
    }
}

/// Registers the callback; once, when the library is loaded.
pub fn register() {
    // SAFETY: the callback keeps to what is allowed there: no catalogue access, no errors.
    unsafe { pg_sys::CacheRegisterRelcacheCallback(Some(on_relation_change), Datum::from(0)) };
}

/// Begins watching these relations, and no others.
pub fn begin(relations: Vec<Oid>) {
    WATCHED.set(relations);
    STALE.set(false);
}

pub fn also(relation: Oid) {
    WATCHED.with_borrow_mut(|list| list.push(relation));
}

/// Whether something changed since `begin`.
pub fn stale() -> bool {
    STALE.get()
}
