//! Sweeping: holds past their time are closed, a bounded number at a time.

use super::{Outcome, Patience, Task, execute};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::{plans, session};
use inventory_core::Refusal;
use inventory_core::command::{Action, Command, Origin};
use inventory_core::hold::HoldId;
use inventory_core::time::Moment;

/// How far a sweep has come: the last hold it looked at.
#[derive(Clone, Copy)]
pub struct Position(Moment, HoldId);

/// What one sweep came to.
pub struct Swept {
    /// Holds closed.
    pub done: usize,
    /// Whether there may be more that are due.
    pub more: bool,
    /// Where to go on.
    pub next: Option<Position>,
}

/// Closes up to `limit` holds past their time, the first due first, beginning behind `from`. It waits
/// for nobody: holds whose rows somebody has locked are left for a sweep from the beginning.
pub fn sweep(spi: &Spi, from: Option<Position>, limit: usize) -> Result<Swept, Refusal> {
    server::refuse_where_read_only();
    session::current(spi)?;
    let Position(at, id) = from.unwrap_or(Position(Moment(i64::MIN), HoldId([0; 16])));
    let most = i64::try_from(limit).unwrap_or(i64::MAX);
    let args = Args::new().moment(at).uuid(&id.0).moment(server::now()).int8(most);
    let due = spi.execute(plans::DUE_HOLDS.plan(spi), &args);
    let holds: Vec<Position> =
        due.iter().map(|hold| Position(hold.moment(2), HoldId(hold.uuid(1)))).collect();
    let Some(last) = holds.last() else {
        return Ok(Swept { done: 0, more: false, next: from });
    };
    let expire = |hold: &Position| Command {
        origin: Origin::default(),
        action: Action::Expire { hold: hold.1 },
    };
    let task = |hold| Task { places: Vec::new(), command: Ok(expire(hold)) };
    let outcomes = execute(spi, &holds.iter().map(task).collect::<Vec<_>>(), Patience::Never)?;
    let done = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted(_))).count();
    Ok(Swept { done, more: holds.len() == limit, next: Some(*last) })
}
