//! Group commit: calls from many sessions meet in shared memory, and one process a database, its
//! committer, decides and commits them together. On one hot row that is the difference between one
//! commit a deduction and one commit a crowd.
//!
//! ```text
//! session ── post ──► slot ──► committer: engine, once for all ── commit ──► answers ── wake ──► session
//! ```
//!
//! A caller waits for nothing but its answer, and can be cancelled meanwhile: a call that nobody has
//! taken yet is gone then, one that was taken may still be committed, and its request id tells.
//! The committer waits for nobody: what others have locked is put back and tried again, until the
//! call's time is over.

mod committer;
mod message;
mod own;

pub use committer::run as commit;

use crate::engine::{self, Answer, Patience};
use crate::pg::exchange::{self, Desk, Place, Service};
use crate::pg::failure::{self, Failure};
use crate::pg::server::{self, Tick};
use crate::pg::{guc, process};
use crate::settings;
use inventory_core::command::{Action, Command};
use inventory_core::{Code, Refusal};
use message::{Answered, Posted};
use pgrx::PgSqlErrorCode;
use std::time::Duration;

/// How often a caller looks whether somebody is there to answer it.
const LOOK: Duration = Duration::from_millis(100);
/// Microseconds for which nobody asks again where no committer could be had.
const REFUSED_FOR: i64 = 1_000_000;
/// Microseconds a call waits for a committer beyond its own time.
const GRACE: i64 = 500_000;

/// Carries out a command on one line of goods, durably, whatever becomes of the caller's transaction.
/// Where there is no committer it is carried out by the caller itself, if nothing but this call is in
/// its transaction.
pub fn run(command: &Command) -> Result<Answer, Refusal> {
    server::refuse_where_read_only();
    refuse_what_is_ours(command)?;
    let through_the_desk = Desk::of(server::database()).and_then(|desk| at_the_desk(desk, command));
    match through_the_desk {
        Some(Ok(answered)) => match answered.try_into() {
            Ok(answer) => answer,
            Err(failure) => Failure::raise(failure),
        },
        Some(Err(refusal)) => Err(refusal),
        None if server::in_transaction_block() => Err(nobody_to_commit(command)),
        None => by_itself(command),
    }
}

/// Goods, or a request id, that the caller's own transaction has locked: it would wait for itself.
fn refuse_what_is_ours(command: &Command) -> Result<(), Refusal> {
    if own::holds(command)? {
        let detail = "this transaction has locked the goods or the request id itself";
        return Err(Refusal::new(Code::Busy, detail));
    }
    Ok(())
}

/// What to do about it differs with the library preloaded or not.
fn nobody_to_commit(command: &Command) -> Refusal {
    if exchange::is_there() {
        return Refusal::new(
            Code::Busy,
            "no process could be had to commit the call: pg_inventory.committers, max_worker_processes",
        );
    }
    let function = match command.action {
        Action::Reserve { .. } => "reserve_now",
        _ => "deduct_now",
    };
    Failure::new(
        PgSqlErrorCode::ERRCODE_ACTIVE_SQL_TRANSACTION,
        &format!("inventory.{function}() cannot run inside a transaction block"),
        "pg_inventory is not in shared_preload_libraries",
    )
    .raise()
}

/// Posts the call and waits for its answer; nothing when no committer can be had.
fn at_the_desk(desk: &'static Desk, command: &Command) -> Option<Result<Answered, Refusal>> {
    let deadline = Tick::now().plus(settings::lock_wait());
    if desk.has_been(Service::Refused, REFUSED_FOR) {
        return None;
    }
    let Some(place) = free_place(deadline) else {
        let detail = "more sessions wait for a commit than there are slots";
        return Some(Err(Refusal::new(Code::Busy, detail)));
    };
    let user = server::session_user();
    let posted = Posted::of(command, &user)?;
    place.post(desk, deadline, |room| posted.write(room));
    loop {
        if let Some(answer) = place.answer(Answered::read) {
            return Some(answer.ok_or_else(unknown_end));
        }
        if !served(desk, deadline) && place.withdraw() {
            return None;
        }
        process::wait_for_commit(LOOK);
    }
}

/// A slot, waited for where all are in use: each session has one, but calls that were given up while
/// their commit was under way keep theirs until it ends.
fn free_place(deadline: Tick) -> Option<Place> {
    loop {
        let place = Place::find();
        if place.is_some() || Tick::now() > deadline {
            return place;
        }
        process::wait_for_commit(LOOK / 10);
    }
}

/// Sees to it that somebody comes to the desk; false when nobody does.
fn served(desk: &Desk, deadline: Tick) -> bool {
    match desk.service() {
        Service::Open => return true,
        Service::Refused if desk.has_been(Service::Refused, REFUSED_FOR) => return false,
        nobody @ (Service::Refused | Service::Closed) => {
            if desk.turn(nobody, Service::Wanted) {
                desk.knock();
            }
        }
        Service::Wanted | Service::Starting => {}
    }
    Tick::now() <= deadline.plus(GRACE)
}

/// The committer died while it committed.
fn unknown_end() -> Refusal {
    Failure::new(
        PgSqlErrorCode::ERRCODE_T_R_STATEMENT_COMPLETION_UNKNOWN,
        "the process that committed the call ended before it could answer",
        "Repeat the call with the same request id: it tells whether the first one had its effect.",
    )
    .raise()
}

/// The plain path: the caller's own commit makes it durable.
fn by_itself(command: &Command) -> Result<Answer, Refusal> {
    let wait = settings::LOCK_WAIT.get();
    server::keep_commit_durable();
    let run = || engine::execute_one(command.clone(), Patience::Wait);
    match failure::before_another(|| guc::with_lock_timeout(wait, run)) {
        Ok(answer) => answer,
        Err(failure) if failure.is_of_a_lock() => Err(Refusal::new(
            Code::Busy,
            "another transaction has locked the goods or the request id",
        )),
        Err(failure) => failure.raise(),
    }
}
