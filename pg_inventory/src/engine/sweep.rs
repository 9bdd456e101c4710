//! Sweeping: holds past their time are closed, a bounded number at a time.

use super::{Outcome, Patience, Task, execute};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::Refusal;
use inventory_core::command::{Action, Command, Origin};
use inventory_core::hold::HoldId;
use inventory_core::time::Moment;

/// A hold in the order in which they are due.
#[derive(Clone, Copy)]
pub struct Position(Moment, HoldId);

/// Up to `limit` holds past their time, the first due first, beginning behind `from`.
pub fn due(spi: &Spi, from: Option<Position>, limit: usize) -> Vec<Position> {
    let Position(at, id) = from.unwrap_or(Position(Moment(i64::MIN), HoldId([0; 16])));
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let args = Args::new().moment(at).uuid(&id.0).moment(server::now()).int8(most);
    let due = spi.execute(plans::DUE_HOLDS.plan(spi), &args);
    due.iter().map(|hold| Position(hold.moment(2), HoldId(hold.uuid(1)))).collect()
}

/// Closes these holds, and says how many. It waits for nobody: those whose rows somebody has locked
/// are left for a sweep from the beginning.
pub fn expire(spi: &Spi, holds: &[Position]) -> Result<usize, Refusal> {
    if holds.is_empty() {
        return Ok(0);
    }
    let expire = |hold: &Position| Command {
        origin: Origin::default(),
        action: Action::Expire { hold: hold.1 },
    };
    let task = |hold| Task { places: Vec::new(), command: Ok(expire(hold)) };
    let tasks: Vec<Task> = holds.iter().map(task).collect();
    let outcomes = execute(spi, &tasks, Patience::Never)?;
    Ok(outcomes.iter().filter(|o| matches!(o, Outcome::Accepted(_))).count())
}
