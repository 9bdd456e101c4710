//! Facts about the server, the session and its transaction.

use inventory_core::time::Moment;
use pgrx::pg_sys::{self, Oid};
use pgrx::prelude::*;
use std::ffi::{CStr, c_int};
use std::time::Duration;

/// pgrx appends a Rust backtrace to an error's DETAIL where the server's environment asks for
/// backtraces; users of the database are the wrong readers for it.
pub fn keep_backtraces_out_of_errors() {
    // SAFETY: called while the library is loaded, in a process of one thread.
    unsafe { std::env::set_var("RUST_LIB_BACKTRACE", "0") };
}

/// The wall clock now, not at the start of the transaction.
pub fn now() -> Moment {
    // SAFETY: reads the clock.
    Moment(unsafe { pg_sys::GetCurrentTimestamp() })
}

/// A time on a clock that all processes share and that nobody sets, in microseconds: for waiting, where
/// the wall clock may step.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tick(pub i64);

impl Tick {
    pub fn now() -> Tick {
        let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: fills the time given; this clock is there on every system that PostgreSQL runs on.
        unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut now) };
        Tick(now.tv_sec * 1_000_000 + now.tv_nsec / 1_000)
    }

    pub fn plus(self, micros: i64) -> Tick {
        Tick(self.0.saturating_add(micros))
    }

    /// How long it is from now until then.
    pub fn until(self) -> Duration {
        let micros = self.0.saturating_sub(Tick::now().0);
        Duration::from_micros(u64::try_from(micros).unwrap_or(0))
    }
}

/// Bytes by chance, fit for ids that nobody shall guess.
pub fn chance<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // SAFETY: fills exactly N bytes.
    if !unsafe { pg_sys::pg_strong_random(bytes.as_mut_ptr().cast(), N) } {
        error!("could not generate random bytes");
    }
    bytes
}

/// By what a database is told from those that were made of it.
#[derive(Clone, Copy)]
pub struct Identity {
    pub system_id: i64,
    pub timeline: i64,
    pub database_oid: i64,
    /// When the first file of the cluster was made, in microseconds since 1970: whoever copies files makes new
    /// ones. None where the file system does not say.
    pub born: Option<i64>,
    /// Of the table that this is stored in: where a dump takes the place of what was there, it is made anew.
    pub table_oid: Option<i64>,
}

impl Identity {
    /// What one of them does not know tells them not apart.
    pub fn is(&self, other: &Identity) -> bool {
        let names = |of: &Identity| (of.system_id, of.timeline, of.database_oid);
        let same =
            |one: Option<i64>, two: Option<i64>| one.zip(two).is_none_or(|(one, two)| one == two);
        names(self) == names(other)
            && same(self.born, other.born)
            && same(self.table_oid, other.table_oid)
    }
}

/// Of the database of this session, with its table `inventory.installation`.
pub fn identity(table: pg_sys::Oid) -> Identity {
    // SAFETY: plain reads of shared state. Only sessions that write ask, so there is a timeline.
    unsafe {
        Identity {
            system_id: pg_sys::GetSystemIdentifier() as i64,
            timeline: i64::from(pg_sys::GetWALInsertionTimeLine()),
            database_oid: i64::from(database()),
            born: born(),
            table_oid: Some(i64::from(table.to_u32())),
        }
    }
}

/// Of the file that initdb writes first and nobody ever again.
fn born() -> Option<i64> {
    // Every process of the server is at home in the data directory.
    let made = std::fs::metadata("PG_VERSION").and_then(|file| file.created()).ok()?;
    let age = made.duration_since(std::time::UNIX_EPOCH).ok()?;
    i64::try_from(age.as_micros()).ok()
}

/// This database's oid.
pub fn database() -> u32 {
    // SAFETY: reads a constant of the session.
    unsafe { pg_sys::MyDatabaseId.to_u32() }
}

/// Whether the server is a standby, which has no timeline of its own to write on.
pub fn in_recovery() -> bool {
    // SAFETY: reads shared state.
    unsafe { pg_sys::RecoveryInProgress() }
}

/// Refuses as PostgreSQL does where nothing can be written: on a standby, in a read-only transaction.
pub fn refuse_where_read_only() {
    // SAFETY: raises, or does nothing.
    unsafe {
        pg_sys::PreventCommandIfReadOnly(c"an inventory command".as_ptr());
        pg_sys::PreventCommandDuringRecovery(c"an inventory command".as_ptr());
    }
}

/// Whether the transaction keeps one snapshot (REPEATABLE READ, SERIALIZABLE).
pub fn snapshot_is_fixed() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::XactIsoLevel >= pg_sys::XACT_REPEATABLE_READ as c_int }
}

/// The top-level transaction's 64-bit id, given now if it has none.
pub fn transaction_id() -> u64 {
    // SAFETY: raises where no id can be given (read-only, recovery).
    unsafe { pg_sys::GetTopFullTransactionId().value }
}

/// The id that the next transaction will be given.
pub fn next_transaction_id() -> u64 {
    // SAFETY: reads shared state under its lock.
    unsafe { pg_sys::ReadNextFullTransactionId().value }
}

/// Waits until all that the log has by now is on disk: no crash gives the transaction ids and the values
/// of sequences in it a second time.
pub fn make_log_durable() {
    // SAFETY: reads shared state.
    let next = unsafe { pg_sys::GetXLogInsertRecPtr() };
    // Where the next record begins a page, the last one ended before that page's header.
    let in_page = next % u64::from(pg_sys::XLOG_BLCKSZ);
    let end = if in_page <= LOG_PAGE_HEADER { next - in_page } else { next };
    // SAFETY: waits for a position that was inserted.
    unsafe { pg_sys::XLogFlush(end) };
}

/// Bytes of the longest header of a page of the log (SizeOfXLogLongPHD in xlog_internal.h); no record ends
/// so early in a page.
const LOG_PAGE_HEADER: u64 = 40;

/// Whether this transaction has an id: without one it has written and locked nothing.
pub fn has_transaction_id() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::GetTopTransactionIdIfAny() != pg_sys::InvalidTransactionId }
}

/// Whether this is the id of this transaction, or of a part of it that is not undone.
pub fn is_current_transaction(id: u32) -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::TransactionIdIsCurrentTransactionId(id.into()) }
}

/// Whether more than one statement may belong to this transaction, or this may be undone while the rest
/// of it stays.
pub fn in_transaction_block() -> bool {
    // SAFETY: reads the transaction's state.
    unsafe { pg_sys::IsTransactionBlock() || pg_sys::IsSubTransaction() }
}

/// Makes this transaction's commit wait until all it has seen of the log is on disk, although it may
/// write nothing itself; unless its user wants no commit to wait.
pub fn commit_durably() {
    // SAFETY: gives the transaction an id and sets a flag of it; raises in a read-only one.
    unsafe {
        pg_sys::GetTopTransactionId();
        if pg_sys::synchronous_commit > 0 {
            pg_sys::ForceSyncCommit();
        }
    }
}

/// Makes this transaction's commit wait until it is on disk, whatever the configuration says of commits.
pub fn keep_commit_durable() {
    // SAFETY: sets a flag of the transaction.
    unsafe { pg_sys::ForceSyncCommit() };
}

/// Who logged in, whatever rights the call runs under.
pub fn session_user() -> String {
    // SAFETY: the name is copied out of the catalogue cache at once.
    unsafe {
        let name = pg_sys::GetUserNameFromId(pg_sys::GetSessionUserId(), true);
        if name.is_null() {
            String::new()
        } else {
            CStr::from_ptr(name).to_string_lossy().into_owned()
        }
    }
}

pub fn encoding_is_utf8() -> bool {
    // SAFETY: reads a setting.
    unsafe { pg_sys::GetDatabaseEncoding() == pg_sys::pg_enc::PG_UTF8 as c_int }
}

/// The next value of a sequence.
pub fn nextval(sequence: Oid) -> i64 {
    // SAFETY: calls PostgreSQL's own function with the argument it declares.
    unsafe { pgrx::direct_function_call::<i64>(pg_sys::nextval_oid, &[sequence.into_datum()]) }
        .unwrap_or_default()
}

/// The last value a sequence gave; nothing when it never gave one.
pub fn last_value(sequence: Oid) -> Option<i64> {
    // SAFETY: as above.
    unsafe {
        pgrx::direct_function_call::<i64>(pg_sys::pg_sequence_last_value, &[sequence.into_datum()])
    }
}

/// Sets the last value; like nextval, neither rolled back nor locked until the transaction ends.
pub fn setval(sequence: Oid, value: i64) {
    // SAFETY: as above.
    unsafe {
        pgrx::direct_function_call::<i64>(
            pg_sys::setval_oid,
            &[sequence.into_datum(), value.into_datum()],
        )
    };
}

unsafe extern "C-unwind" {
    fn hash_bytes_extended(bytes: *const u8, length: c_int, seed: u64) -> u64;
}

/// PostgreSQL's seed for hash partitions (HASH_PARTITION_SEED in partition.h).
const HASH_PARTITION_SEED: u64 = 0x7A5B_2236_7996_DCFD;

/// The row hash by which PostgreSQL routes a text under a deterministic collation to a hash
/// partition (compute_partition_hash_value in partbounds.c, hash_combine64 in hashfn.h).
pub fn partition_hash(key: &str) -> u64 {
    // SAFETY: reads `length` bytes of the key, never raises.
    let hash =
        unsafe { hash_bytes_extended(key.as_ptr(), key.len() as c_int, HASH_PARTITION_SEED) };
    hash.wrapping_add(0x49a0_f4dd_15e5_a8e3)
}
