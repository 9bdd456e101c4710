//! A batch in its caller's transaction that waits for nobody.
//!
//! Rows that others have are left out by the engine itself. A request id that somebody else's open
//! transaction has claimed, or a row that it is making, cannot be skipped by any statement: there the
//! batch meets a lock timeout, is undone, and its halves are run by themselves, and so on down to the
//! command that the lock is in the way of. All the others go on.

use super::{Outcome, Patience, Task, execute};
use crate::pg::{failure, guc, spi};
use inventory_core::{Code, Refusal};

/// Milliseconds for a lock that no statement skips. Somebody else's batch with the same request id is
/// through by then, most of the time.
const FIRST: i32 = 10;
/// The same once it has been waited for.
const AGAIN: i32 = 1;
/// How often a part of the batch may meet such a lock before all that is left is busy.
const MOST_LOCKED: usize = 64;

/// Runs a batch as [`execute`] does, without waiting for anybody.
pub fn execute_apart(tasks: &[Task]) -> Result<Vec<Outcome>, Refusal> {
    let mut left = MOST_LOCKED;
    run(tasks, FIRST, &mut left)
}

fn run(tasks: &[Task], wait: i32, left: &mut usize) -> Result<Vec<Outcome>, Refusal> {
    if *left == 0 {
        return Ok(busy(tasks, IN_THE_WAY));
    }
    let engine = || spi::connect(|spi| execute(spi, tasks, Patience::Never));
    match failure::subtransaction(|| guc::with_lock_timeout(wait, engine)) {
        // Stock is being resharded: in the way of all of them.
        Ok(Err(refusal)) if refusal.code == Code::Busy => Ok(busy(tasks, &refusal.detail)),
        Ok(outcomes) => outcomes,
        Err(failure) if failure.is_of_a_lock() => {
            *left -= 1;
            if tasks.len() <= 1 {
                return Ok(busy(tasks, IN_THE_WAY));
            }
            let (first, second) = tasks.split_at(tasks.len() / 2);
            let mut outcomes = run(first, AGAIN, left)?;
            outcomes.extend(run(second, AGAIN, left)?);
            Ok(outcomes)
        }
        Err(failure) => failure.raise(),
    }
}

const IN_THE_WAY: &str = "another transaction has the request id, or a row that is being made";

fn busy(tasks: &[Task], detail: &str) -> Vec<Outcome> {
    let busy = || Outcome::Refused(Refusal::new(Code::Busy, detail), Vec::new());
    tasks.iter().map(|_| busy()).collect()
}
