//! Errors that PostgreSQL raises, caught where something must go on after them.

use pgrx::pg_sys;
use pgrx::pg_sys::panic::CaughtError;
use pgrx::prelude::*;
use std::panic::AssertUnwindSafe;

/// What PostgreSQL raised.
#[derive(Clone, Debug)]
pub struct Failure {
    pub code: PgSqlErrorCode,
    pub message: String,
    pub detail: String,
}

impl Failure {
    fn of(caught: &CaughtError) -> Failure {
        let (CaughtError::PostgresError(report)
        | CaughtError::ErrorReport(report)
        | CaughtError::RustPanic { ereport: report, .. }) = caught;
        Failure {
            code: report.sql_error_code(),
            message: report.message().to_owned(),
            detail: report.detail().unwrap_or_default().to_owned(),
        }
    }

    pub fn new(code: PgSqlErrorCode, message: &str, detail: &str) -> Failure {
        Failure { code, message: message.into(), detail: detail.into() }
    }

    /// Whether it came of a lock that somebody else had for too long.
    pub fn is_of_a_lock(&self) -> bool {
        use PgSqlErrorCode::{ERRCODE_LOCK_NOT_AVAILABLE, ERRCODE_T_R_DEADLOCK_DETECTED};
        matches!(self.code, ERRCODE_LOCK_NOT_AVAILABLE | ERRCODE_T_R_DEADLOCK_DETECTED)
    }

    /// Whether it came of a key that is there already.
    pub fn is_of_a_twin(&self) -> bool {
        self.code == PgSqlErrorCode::ERRCODE_UNIQUE_VIOLATION
    }

    /// Whether it came of what others did at that moment, so that the same may do well a little later.
    pub fn may_pass(&self) -> bool {
        use PgSqlErrorCode::{ERRCODE_QUERY_CANCELED, ERRCODE_T_R_SERIALIZATION_FAILURE};
        let passing = [ERRCODE_QUERY_CANCELED, ERRCODE_T_R_SERIALIZATION_FAILURE];
        self.is_of_a_lock() || passing.contains(&self.code)
    }

    /// Raises it again, here.
    pub fn raise(self) -> ! {
        if self.detail.is_empty() {
            ereport!(ERROR, self.code, self.message);
        }
        ereport!(ERROR, self.code, self.message, self.detail);
    }
}

/// Runs `work` in a transaction of its own, outside any other, and calls `before_commit` when nothing
/// but the commit is left. What is raised undoes the transaction, and is given back.
pub fn transaction<R>(
    work: impl FnOnce() -> R,
    before_commit: impl FnOnce(),
) -> Result<R, Failure> {
    // SAFETY: what PostgreSQL's own loop of commands does with a transaction, and with an error.
    let run = || unsafe {
        pg_sys::SetCurrentStatementStartTimestamp();
        pg_sys::StartTransactionCommand();
        pg_sys::PushActiveSnapshot(pg_sys::GetTransactionSnapshot());
        let result = work();
        pg_sys::PopActiveSnapshot();
        before_commit();
        pg_sys::CommitTransactionCommand();
        Ok(result)
    };
    PgTryBuilder::new(AssertUnwindSafe(run))
        .catch_others(|caught| Err(Failure::of(&caught)))
        .catch_rust_panic(|caught| Err(Failure::of(&caught)))
        .execute()
        .inspect_err(|_| {
            // SAFETY: as above; the error's text has been copied.
            unsafe {
                pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
                pg_sys::AbortCurrentTransaction();
                pg_sys::MemoryContextSwitchTo(pg_sys::TopMemoryContext);
                pg_sys::FlushErrorState();
            }
        })
}

/// Runs `work` in a part of the caller's transaction: what is raised undoes that part alone, and is
/// given back.
pub fn subtransaction<R>(work: impl FnOnce() -> R) -> Result<R, Failure> {
    // SAFETY: reads what is current.
    let (memory, owner) = unsafe { (pg_sys::CurrentMemoryContext, pg_sys::CurrentResourceOwner) };
    // SAFETY: those of before outlive every part of the transaction.
    let back = move || unsafe {
        pg_sys::MemoryContextSwitchTo(memory);
        pg_sys::CurrentResourceOwner = owner;
    };
    // SAFETY: as PL/pgSQL does it for a block with an exception.
    let run = || unsafe {
        pg_sys::BeginInternalSubTransaction(std::ptr::null());
        pg_sys::MemoryContextSwitchTo(memory);
        let result = work();
        pg_sys::ReleaseCurrentSubTransaction();
        back();
        Ok(result)
    };
    PgTryBuilder::new(AssertUnwindSafe(run))
        .catch_others(|caught| Err(Failure::of(&caught)))
        .catch_rust_panic(|caught| Err(Failure::of(&caught)))
        .execute()
        .inspect_err(|_| {
            // SAFETY: as above; the error's text has been copied.
            unsafe {
                pg_sys::MemoryContextSwitchTo(memory);
                pg_sys::FlushErrorState();
                pg_sys::RollbackAndReleaseCurrentSubTransaction();
            }
            back();
        })
}

/// Runs `work`, and gives back what is raised in it: for callers that go on to raise an error, since
/// the transaction they are in cannot go on.
pub fn before_another<R>(work: impl FnOnce() -> R) -> Result<R, Failure> {
    PgTryBuilder::new(AssertUnwindSafe(|| Ok(work())))
        .catch_others(|caught| Err(Failure::of(&caught)))
        .catch_rust_panic(|caught| Err(Failure::of(&caught)))
        .execute()
}
