//! Sweeping: holds past their time are closed, a bounded number at a time.

use super::{Outcome, Patience, Task, execute, papers, shelf};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::command::{Action, Command, Origin, Place};
use inventory_core::hold::HoldId;
use inventory_core::time::Moment;
use inventory_core::{Code, Refusal};
use std::collections::BTreeSet;

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

/// What a sweep came to.
#[derive(Default)]
pub struct Swept {
    pub closed: usize,
    /// Places that somebody had locked: holds there are left as they are.
    pub in_the_way: BTreeSet<Place>,
}

/// Closes these holds. It waits for nobody but for who has `line`, where one of them is of that place.
/// Those whose rows somebody has locked are left for a sweep from the beginning.
pub fn expire(spi: &Spi, holds: &[Position], line: Option<&Place>) -> Result<Swept, Refusal> {
    if holds.is_empty() {
        return Ok(Swept::default());
    }
    let ids = holds.iter().map(|Position(_, id)| *id).collect();
    let mut places = papers::places(spi, &ids)?;
    if let Some(line) = line.filter(|line| places.values().flatten().any(|place| place == *line)) {
        shelf::wait_for(spi, line)?;
    }
    let task = |Position(_, hold): &Position| Task {
        places: places.remove(hold).unwrap_or_default().into_iter().map(Some).collect(),
        command: Ok(Command { origin: Origin::default(), action: Action::Expire { hold: *hold } }),
    };
    let tasks: Vec<Task> = holds.iter().map(task).collect();
    let outcomes = execute(spi, &tasks, Patience::Never)?;
    let closed = outcomes.iter().filter(|o| matches!(o, Outcome::Accepted(_))).count();
    let lacked = tasks.iter().zip(&outcomes).filter_map(|(task, outcome)| task.lacked(outcome));
    Ok(Swept { closed, in_the_way: lacked.cloned().collect() })
}

impl Task {
    /// The place for want of which it is refused as busy.
    fn lacked(&self, outcome: &Outcome) -> Option<&Place> {
        let Outcome::Refused(Refusal { code: Code::Busy, .. }, levels) = outcome else {
            return None;
        };
        let mut told = self.places.iter().zip(levels);
        told.find(|(_, levels)| levels.is_none()).and_then(|(place, _)| place.as_ref())
    }
}
