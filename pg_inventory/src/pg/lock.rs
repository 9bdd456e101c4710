//! Locks that are no row locks.

use pgrx::pg_sys::{self, Oid};

/// Our class of advisory locks. The second key is a warehouse, or 0 for the installation.
const CLASS: u32 = 0x494e_564f; // "INVO"
const INSTALLATION: u32 = 0;
/// SQL's own advisory locks are of kind 1 (one key) and 2 (two keys): nobody can take ours from SQL.
const KIND: u16 = 3;

/// The tag as SET_LOCKTAG_ADVISORY builds one (storage/lock.h).
fn tag(key: u32) -> pg_sys::LOCKTAG {
    pg_sys::LOCKTAG {
        // SAFETY: reads a constant of the session.
        locktag_field1: unsafe { pg_sys::MyDatabaseId.to_u32() },
        locktag_field2: CLASS,
        locktag_field3: key,
        locktag_field4: KIND,
        locktag_type: pg_sys::LockTagType::LOCKTAG_ADVISORY as u8,
        locktag_lockmethodid: pg_sys::USER_LOCKMETHOD as u8,
    }
}

/// One installation at a time, until the transaction ends.
pub fn installing() {
    // SAFETY: a lock that the transaction's end gives back.
    unsafe {
        pg_sys::LockAcquire(&tag(INSTALLATION), pg_sys::ExclusiveLock as i32, false, false);
    }
}

/// Locks a table or sequence for writing until the transaction ends, so that nobody reshapes it, and
/// takes in what was reshaped before.
pub fn writing(relation: Oid) {
    // SAFETY: a lock of an oid; a relation that has gone is noticed by its users.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::RowExclusiveLock as i32) };
}

/// The same for a report: nobody reshapes it until the transaction ends.
pub fn reading(relation: Oid) {
    // SAFETY: as above.
    unsafe { pg_sys::LockRelationOid(relation, pg_sys::AccessShareLock as i32) };
}

/// The same, unless that means to wait.
pub fn try_writing(relation: Oid) -> bool {
    // SAFETY: as above.
    unsafe { pg_sys::ConditionalLockRelationOid(relation, pg_sys::RowExclusiveLock as i32) }
}

/// What a table is locked for.
#[derive(Clone, Copy)]
pub enum Mode {
    /// Partitions come; readers and writers go on.
    Reshape,
    /// Nobody writes; readers go on.
    Still,
    /// Nobody else is at it.
    Alone,
    /// Nobody has it to themselves.
    Read,
}

/// Locks a table until the transaction ends, unless that means to wait.
pub fn try_table(table: Oid, mode: Mode) -> bool {
    let mode = match mode {
        Mode::Reshape => pg_sys::ShareUpdateExclusiveLock,
        Mode::Still => pg_sys::ShareLock,
        Mode::Alone => pg_sys::AccessExclusiveLock,
        Mode::Read => pg_sys::AccessShareLock,
    };
    // SAFETY: a lock of an oid; a relation that has gone is noticed by its users.
    unsafe { pg_sys::ConditionalLockRelationOid(table, mode as i32) }
}

/// Takes the lock that every session takes when it enters this database, unless somebody waits for all
/// others to leave it: to drop, rename or copy it.
fn enter_database(beyond_the_transaction: bool) -> Option<pg_sys::LOCKTAG> {
    // The tag as SET_LOCKTAG_OBJECT builds one for a shared object.
    let tag = pg_sys::LOCKTAG {
        locktag_field1: 0,
        locktag_field2: pg_sys::DatabaseRelationId.to_u32(),
        // SAFETY: reads a constant of the session.
        locktag_field3: unsafe { pg_sys::MyDatabaseId.to_u32() },
        locktag_field4: 0,
        locktag_type: pg_sys::LockTagType::LOCKTAG_OBJECT as u8,
        locktag_lockmethodid: pg_sys::DEFAULT_LOCKMETHOD as u8,
    };
    // SAFETY: does not wait.
    let got = unsafe { pg_sys::LockAcquire(&tag, ENTERING, beyond_the_transaction, true) };
    (got != pg_sys::LockAcquireResult::LOCKACQUIRE_NOT_AVAIL).then_some(tag)
}

const ENTERING: pg_sys::LOCKMODE = pg_sys::RowExclusiveLock as pg_sys::LOCKMODE;

/// Keeps this database from being dropped, renamed or copied until the transaction ends; false when
/// somebody is about to.
pub fn keep_database() -> bool {
    enter_database(false).is_some()
}

/// Whether somebody waits for all others to leave this database.
pub fn database_is_wanted() -> bool {
    let entered = enter_database(true);
    // SAFETY: gives back what was just taken.
    entered.is_some_and(|tag| unsafe { !pg_sys::LockRelease(&tag, ENTERING, true) })
        || entered.is_none()
}

/// The short critical section in which one warehouse's order numbers are drawn (shared) or its
/// sequence is set forward (alone). No cancel is taken while it lasts, so nothing in it may wait; and
/// it ends on every way out.
pub struct NumberLock {
    tag: pg_sys::LOCKTAG,
    mode: pg_sys::LOCKMODE,
}

impl NumberLock {
    pub fn share(warehouse_id: i32) -> NumberLock {
        NumberLock::take(warehouse_id, pg_sys::ShareLock as pg_sys::LOCKMODE)
    }

    pub fn alone(warehouse_id: i32) -> NumberLock {
        NumberLock::take(warehouse_id, pg_sys::ExclusiveLock as pg_sys::LOCKMODE)
    }

    fn take(warehouse_id: i32, mode: pg_sys::LOCKMODE) -> NumberLock {
        let tag = tag(warehouse_id.unsigned_abs());
        // SAFETY: while waiting a cancel is still heard; when it meets the grant, the lock is ours
        // although LockAcquire raises: it belongs to the transaction, so the abort gives it back.
        unsafe {
            pg_sys::LockAcquire(&tag, mode, false, false);
            pg_sys::InterruptHoldoffCount += 1;
            NumberLock { tag, mode }
        }
    }
}

impl Drop for NumberLock {
    fn drop(&mut self) {
        // SAFETY: taken by `take`; an error that unwound to here has reset the count to zero.
        unsafe {
            pg_sys::InterruptHoldoffCount = pg_sys::InterruptHoldoffCount.saturating_sub(1);
            pg_sys::LockRelease(&self.tag, self.mode, false);
        }
    }
}
