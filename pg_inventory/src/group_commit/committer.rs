//! The committer of a database: takes what waits, runs the engine once, commits, answers.

use super::message::{Answered, Posted};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::exchange::{self, Count, Desk, Service, Taken};
use crate::pg::failure::{self, Failure};
use crate::pg::server::{self, Tick};
use crate::pg::{lock, process, spi};
use inventory_core::command::RequestId;
use inventory_core::{Code, Refusal};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Calls that are committed together at most.
const MOST: usize = 1_000;
/// Of those that go by themselves, how many get their turn between two batches.
const MOST_ALONE: usize = 8;
/// Of a batch whose calls are run one by one, how many may wait in vain for a lock before the rest is put
/// back: then it is one that many want, and each would wait as long.
const MOST_LOCKED: usize = 16;
/// How long a committer stays where nobody calls.
const LINGER: Duration = Duration::from_secs(10);
/// How often one without work looks whether somebody wants to drop or copy the database.
const LOOK: Duration = Duration::from_millis(500);

/// The process.
pub fn run(database: u32) {
    process::be_committer(database);
    let Some(desk) = Desk::of(database).filter(|desk| exchange::sit_down(desk)) else { return };
    let mut last_call = Instant::now();
    loop {
        process::take_in_settings();
        let waiting = desk.take(Tick::now(), MOST, MOST_ALONE);
        if waiting.together.is_empty() && waiting.alone.is_empty() {
            let in_the_way = last_call.elapsed() > LINGER || lock::database_is_wanted();
            if in_the_way && waiting.next.is_none() && leave(desk) {
                return;
            }
            process::wait_for_calls(waiting.next.map_or(LOOK, |next| next.until().min(LOOK)));
            continue;
        }
        last_call = Instant::now();
        serve(desk, waiting.together);
        for taken in waiting.alone {
            serve(desk, vec![taken]);
        }
        process::check_for_interrupts();
    }
}

/// Closes the desk, unless somebody came at that very moment.
fn leave(desk: &Desk) -> bool {
    desk.turn(Service::Open, Service::Closed)
        && !(desk.awaited() && desk.turn(Service::Closed, Service::Open))
}

/// Runs calls together; where that raises an error, one by one, so that the one it came of harms none
/// of the others.
fn serve(desk: &Desk, taken: Vec<Taken>) {
    let (taken, tasks) = distinct(taken);
    if taken.is_empty() {
        return;
    }
    match attempt(&taken, &tasks) {
        Ok(outcomes) => {
            desk.add(Count::Batches, 1);
            desk.raise_to(Count::Largest, taken.len());
            let settled = taken.into_iter().zip(outcomes);
            settled.for_each(|(taken, outcome)| settle(desk, taken, outcome));
        }
        Err(failure) if taken.len() == 1 => {
            taken.into_iter().for_each(|taken| settle_failed(desk, taken, &failure));
        }
        Err(_) => {
            desk.add(Count::Broken, 1);
            one_by_one(desk, taken, &tasks);
        }
    }
}

fn one_by_one(desk: &Desk, taken: Vec<Taken>, tasks: &[Task]) {
    let mut locked = 0;
    for (taken, task) in taken.into_iter().zip(tasks) {
        if locked >= MOST_LOCKED {
            defer(desk, taken, false);
            continue;
        }
        match attempt(std::slice::from_ref(&taken), std::slice::from_ref(task)) {
            Ok(mut outcomes) => {
                if let Some(outcome) = outcomes.pop() {
                    settle(desk, taken, outcome);
                }
            }
            Err(failure) => {
                locked += usize::from(failure.is_of_a_lock());
                settle_failed(desk, taken, &failure);
            }
        }
    }
}

/// Leaves those for the next batch whose request id is in this one: they are its repeats.
fn distinct(taken: Vec<Taken>) -> (Vec<Taken>, Vec<Task>) {
    let mut seen: HashSet<RequestId> = HashSet::new();
    let (mut calls, mut tasks) = (Vec::with_capacity(taken.len()), Vec::with_capacity(taken.len()));
    for taken in taken {
        let task = taken.read(Posted::read);
        let id = task.command.as_ref().ok().and_then(|command| command.origin.request_id);
        if id.is_none_or(|id| seen.insert(id)) {
            calls.push(taken);
            tasks.push(task);
        } else {
            taken.untake();
        }
    }
    (calls, tasks)
}

/// Runs and commits the tasks of these calls. A refusal of all is each one's.
fn attempt(taken: &[Taken], tasks: &[Task]) -> Result<Vec<Outcome>, Failure> {
    let unsure = |under_way| taken.iter().for_each(|taken| taken.unsure(under_way));
    let run = || {
        let outcomes = spi::connect(|spi| engine::execute(spi, tasks, Patience::Never));
        server::keep_commit_durable();
        outcomes
    };
    process::show_work(true);
    let outcomes = failure::transaction(run, || unsure(true));
    process::show_work(false);
    if outcomes.is_err() {
        unsure(false);
    }
    process::end_where_a_standby_is_unsure();
    Ok(outcomes?.unwrap_or_else(|refusal| {
        tasks.iter().map(|_| Outcome::Refused(refusal.clone(), Vec::new())).collect()
    }))
}

/// Answers a call, or puts it back where others have what it needs.
fn settle(desk: &Desk, taken: Taken, outcome: Outcome) {
    let count = match &outcome {
        Outcome::Accepted(_) => Count::Accepted,
        Outcome::Refused(refusal, _) if refusal.code == Code::Busy => {
            if taken.put_back(Tick::now(), false) {
                return desk.add(Count::PutBack, 1);
            }
            Count::Busy
        }
        Outcome::Refused(..) => Count::Refused,
    };
    desk.add(count, 1);
    let answer = Answered::from(outcome);
    taken.answer(|room| answer.write(room));
}

fn settle_failed(desk: &Desk, taken: Taken, failure: &Failure) {
    if failure.may_pass() {
        return defer(desk, taken, true);
    }
    let answer = Answered::failed(failure);
    taken.answer(|room| answer.write(room));
}

/// Puts back what somebody else's lock is in the way of, to be run alone or with others.
fn defer(desk: &Desk, taken: Taken, alone: bool) {
    if taken.put_back(Tick::now(), alone) {
        return desk.add(Count::PutBack, 1);
    }
    desk.add(Count::Busy, 1);
    let busy = Refusal::new(Code::Busy, "another transaction has the request id, or a table");
    let answer = Answered::refused(busy);
    taken.answer(|room| answer.write(room));
}
