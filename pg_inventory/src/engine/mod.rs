//! The one way in: a batch of orders and other commands is locked, decided in turn, written, answered.
//!
//! Stock rows are locked in one global order, so that no two batches deadlock; each command is
//! decided against what the ones before it left; all results are written with a handful of
//! statements. A single `deduct` is a batch of one.

mod apart;
mod catalogue;
mod claim;
mod journal;
mod lapse;
pub mod mend;
mod numbers;
mod papers;
mod shelf;
mod sweep;

pub use apart::execute_apart;
pub use claim::{Claim, Known, Requests, look_up, reused};
pub use journal::write_notices;
pub use numbers::draw;
pub use shelf::{lock_sku, locked_by};
pub use sweep::{Position, Swept, due, expire};

use crate::pg::server;
use crate::pg::spi::{self, Spi};
use crate::session::{self, Session};
use inventory_core::Refusal;
use inventory_core::book::{Book, Levels};
use inventory_core::command::{Command, Need, Place};
use inventory_core::decision::{Decision, decide};
use inventory_core::fingerprint;
use inventory_core::hold::HoldId;
use inventory_core::order_number::OrderNumber;
use inventory_core::time::Moment;

/// One command of a batch: as its arguments were understood, or why they were not.
pub struct Task {
    pub command: Result<Command, Refusal>,
    /// The place of each line of the answer, where the line names one.
    pub places: Vec<Option<Place>>,
}

/// What became of one command.
#[derive(Clone)]
pub enum Outcome {
    Accepted(Answer),
    /// Refused, with the levels of each line's place as they are.
    Refused(Refusal, Vec<Option<Levels>>),
}

#[derive(Clone)]
pub struct Answer {
    pub order: Option<OrderNumber>,
    pub levels: Vec<Levels>,
    /// The hold that was made, and when it ends.
    pub hold: Option<(HoldId, Option<Moment>)>,
    pub replayed: bool,
}

/// What to do where another transaction has a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    Wait,
    /// Refuse the command as busy, and go on with the others.
    Never,
}

/// An accepted command on its way to the journal.
struct Accepted<'t> {
    task: usize,
    command: &'t Command,
    decision: Decision,
    order: Option<OrderNumber>,
}

/// Runs a batch; the outcomes are in the order of the tasks. Only what concerns the batch as a
/// whole (tables missing) is an error here.
pub fn execute(spi: &Spi, tasks: &[Task], patience: Patience) -> Result<Vec<Outcome>, Refusal> {
    let session = session::writing(spi, patience)?;
    let mut requests = Requests::of(tasks);
    loop {
        let Some((mut book, now)) = lock(spi, &session, tasks, patience)? else { continue };
        let (mut outcomes, mut accepted) = decide_all(&mut book, tasks, &requests, now);
        // A refusal may be the echo of an effect that was committed while we waited for the rows.
        let refused = outcomes.iter().enumerate().filter(|(_, o)| o.is_some()).map(|(i, _)| i);
        for task in requests.settle_refused(spi, refused) {
            outcomes[task] = Some(requests.outcome(task, &book, tasks, now));
        }
        numbers::assign(spi, &session, &mut accepted, now)?;
        if !requests.claim(spi, &session, &accepted, now) {
            continue; // somebody else's effect is there now: decide again without these
        }
        shelf::write(spi, &session, &book, patience)?;
        papers::write(spi, &session, &accepted, &book, now);
        journal::write(spi, &session, &accepted, now);
        for done in accepted {
            outcomes[done.task] = Some(Outcome::Accepted(Answer {
                order: done.order,
                levels: done.decision.answers,
                hold: done.decision.hold,
                replayed: false,
            }));
        }
        return Ok(outcomes.into_iter().flatten().collect());
    }
}

/// Runs one command by itself.
pub fn execute_one(command: Command, patience: Patience) -> Result<Answer, Refusal> {
    let task = Task { places: Vec::new(), command: Ok(command) };
    match spi::connect(|spi| execute(spi, &[task], patience))?.pop() {
        Some(Outcome::Accepted(answer)) => Ok(answer),
        Some(Outcome::Refused(refusal, _)) => Err(refusal),
        None => Err(Refusal::invalid("nothing was asked for")),
    }
}

/// Locks all that the tasks are about, and reads the clock: nothing is decided by an earlier time.
/// Nothing when an order moved on while we waited, so that other stock is to be locked.
fn lock(
    spi: &Spi,
    session: &Session,
    tasks: &[Task],
    patience: Patience,
) -> Result<Option<(Book, Moment)>, Refusal> {
    let seen = papers::look(spi, tasks)?;
    let catalogue = catalogue::hold(spi, tasks);
    let actions = tasks.iter().filter_map(|t| Some(&t.command.as_ref().ok()?.action));
    let needs: Vec<Need> = actions.flat_map(|action| action.needs(&seen)).collect();
    let told = tasks.iter().flat_map(|task| task.places.iter().flatten());
    let mut book = shelf::lock(spi, session, &needs, told, patience)?;
    let Some(mut papers) = papers::lock(spi, session, tasks, &seen, patience)? else {
        return Ok(None);
    };
    mend::read(spi, tasks, &mut book, &mut papers)?;
    let now = server::now();
    lapse::settle(spi, &mut book, &needs, now);
    (book.papers, book.catalogue) = (papers, catalogue);
    Ok(Some((book, now)))
}

/// Decides every task that is not settled as a repeat; leaves a hole for each accepted one.
fn decide_all<'t>(
    book: &mut Book,
    tasks: &'t [Task],
    requests: &Requests,
    now: Moment,
) -> (Vec<Option<Outcome>>, Vec<Accepted<'t>>) {
    let mut accepted = Vec::new();
    let mut outcomes = Vec::with_capacity(tasks.len());
    for (at, task) in tasks.iter().enumerate() {
        if requests.settled(at) {
            outcomes.push(Some(requests.outcome(at, book, tasks, now)));
            continue;
        }
        let decided = task.command.as_ref().map_err(Clone::clone).and_then(|command| {
            decide(book, &command.action, now).map(|decision| (command, decision))
        });
        outcomes.push(match decided {
            Ok((command, decision)) => {
                accepted.push(Accepted { task: at, command, decision, order: None });
                None
            }
            Err(refusal) => Some(Outcome::Refused(refusal, levels(book, task, now))),
        });
    }
    (outcomes, accepted)
}

/// The levels of each line's place, where it exists.
fn levels(book: &Book, task: &Task, now: Moment) -> Vec<Option<Levels>> {
    let level = |place: &Place| book.shelf(place).ok().map(|shelf| shelf.levels(now.day()));
    task.places.iter().map(|place| place.as_ref().and_then(level)).collect()
}

impl Task {
    /// What the task's request id stands for.
    fn request(&self) -> Option<(inventory_core::command::RequestId, fingerprint::Fingerprint)> {
        let command = self.command.as_ref().ok()?;
        Some((command.origin.request_id?, fingerprint::of(&command.action)))
    }
}

/// For reports and numbers outside a batch: the layout, without deciding anything.
pub fn layout(spi: &Spi) -> Result<std::rc::Rc<Session>, Refusal> {
    session::current(spi)
}
