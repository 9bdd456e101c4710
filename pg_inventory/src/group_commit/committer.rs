//! The committer of a database: takes what waits, runs the engine once, commits, answers.

use super::message::{Answered, Posted};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::exchange::{self, Count, Desk, Service, Taken};
use crate::pg::failure::{self, Failure};
use crate::pg::{lock, process, server, spi};
use inventory_core::command::RequestId;
use inventory_core::{Code, Refusal};
use std::collections::HashSet;
use std::time::{Duration, Instant};

/// Calls that are committed together at most.
const MOST: usize = 1_000;
/// Of those that go by themselves, how many get their turn between two batches.
const MOST_ALONE: usize = 8;
/// How long a committer stays where nobody calls.
const LINGER: Duration = Duration::from_secs(10);
/// How often one without work looks whether somebody wants to drop or copy the database.
const LOOK: Duration = Duration::from_millis(500);

/// A call with the task it stands for.
type Call = (Taken, Task);

/// The process.
pub fn run(database: u32) {
    process::be_committer(database);
    let Some(desk) = Desk::of(database) else { return };
    exchange::sit_down(desk, server::now());
    let mut last_call = Instant::now();
    loop {
        let waiting = desk.take(server::now(), MOST, MOST_ALONE);
        if waiting.together.is_empty() && waiting.alone.is_empty() {
            let in_the_way = last_call.elapsed() > LINGER || lock::database_is_wanted();
            if in_the_way && waiting.next.is_none() && leave(desk) {
                return;
            }
            process::wait_for_calls(until(waiting.next));
            continue;
        }
        last_call = Instant::now();
        process::keep_commits_durable();
        serve(desk, waiting.together);
        for taken in waiting.alone {
            serve(desk, vec![taken]);
        }
        process::check_for_interrupts();
    }
}

fn until(next: Option<inventory_core::time::Moment>) -> Duration {
    let micros = next.map(|next| next.0.saturating_sub(server::now().0).max(0).unsigned_abs());
    micros.map_or(LOOK, |micros| Duration::from_micros(micros + 999).min(LOOK))
}

/// Closes the desk, unless somebody came at that very moment.
fn leave(desk: &Desk) -> bool {
    let now = server::now();
    desk.turn(Service::Open, Service::Closed, now)
        && !(desk.awaited() && desk.turn(Service::Closed, Service::Open, now))
}

/// Runs calls together; where that raises an error, one by one, so that the one it came of harms none
/// of the others.
fn serve(desk: &Desk, taken: Vec<Taken>) {
    let calls = distinct(taken);
    if calls.is_empty() {
        return;
    }
    let (taken, tasks): (Vec<Taken>, Vec<Task>) = calls.into_iter().unzip();
    match attempt(desk, &tasks) {
        Ok(outcomes) => {
            desk.add(Count::Batches, 1);
            desk.raise_to(Count::Largest, taken.len());
            taken
                .into_iter()
                .zip(outcomes)
                .for_each(|(taken, outcome)| settle(desk, taken, outcome));
        }
        Err(failure) if taken.len() == 1 => {
            taken.into_iter().for_each(|taken| settle_failed(desk, taken, &failure));
        }
        Err(_) => {
            desk.add(Count::Broken, 1);
            for (taken, task) in taken.into_iter().zip(tasks) {
                match attempt(desk, std::slice::from_ref(&task)) {
                    Ok(mut outcomes) => {
                        if let Some(outcome) = outcomes.pop() {
                            settle(desk, taken, outcome);
                        }
                    }
                    Err(failure) => settle_failed(desk, taken, &failure),
                }
                desk.committing(false);
            }
        }
    }
    desk.committing(false);
}

/// Leaves those for the next batch whose request id is in this one: they are its repeats.
fn distinct(taken: Vec<Taken>) -> Vec<Call> {
    let mut seen: HashSet<RequestId> = HashSet::new();
    let mut calls = Vec::with_capacity(taken.len());
    for taken in taken {
        let task = taken.read(Posted::read);
        let id = task.command.as_ref().ok().and_then(|command| command.origin.request_id);
        if id.is_none_or(|id| seen.insert(id)) {
            calls.push((taken, task));
        } else {
            taken.untake();
        }
    }
    calls
}

/// Runs and commits the tasks. A refusal of all is each one's.
fn attempt(desk: &Desk, tasks: &[Task]) -> Result<Vec<Outcome>, Failure> {
    let run = || spi::connect(|spi| engine::execute(spi, tasks, Patience::Never));
    let outcomes = failure::transaction(run, || desk.committing(true));
    if outcomes.is_err() {
        desk.committing(false);
    }
    Ok(outcomes?.unwrap_or_else(|refusal| {
        tasks.iter().map(|_| Outcome::Refused(refusal.clone(), Vec::new())).collect()
    }))
}

/// Answers a call, or puts it back where others have what it needs.
fn settle(desk: &Desk, taken: Taken, outcome: Outcome) {
    let count = match &outcome {
        Outcome::Accepted(_) => Count::Accepted,
        Outcome::Refused(refusal, _) if refusal.code == Code::Busy => {
            if taken.put_back(server::now(), false) {
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
    if !failure.is_of_a_lock() {
        let answer = Answered::failed(failure);
        return taken.answer(|room| answer.write(room));
    }
    if taken.put_back(server::now(), true) {
        return desk.add(Count::PutBack, 1);
    }
    desk.add(Count::Busy, 1);
    let busy = Refusal::new(Code::Busy, "another transaction has the request id");
    let answer = Answered::refused(busy);
    taken.answer(|room| answer.write(room));
}
