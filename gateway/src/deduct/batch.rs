//! Micro-batches: what arrives while one batch is in the database goes with the next. There is no
//! timer: where little is to do a batch is one command, where much is to do it is a thousand.
//!
//! A row that somebody else's transaction holds delays the commands that need it and no others. Most
//! such transactions are batches too, and over in a moment: a few times the commands go with the next
//! batch, then they step `aside`. A command whose client has gone is carried out all the same.

use super::aside::Aside;
use super::breaker::{Outcome, Refused};
use super::switch::Switch;
use super::work::{Done, Work};
use crate::error::{Error, Result};
use crate::serve::metrics::Metrics;
use crate::store::{Commands, Pool, Session};
use crate::traces;
use inventory_core::refusal::Code;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, oneshot};
use tracing::{Instrument, Span};
use uuid::Uuid;

/// Commands a statement at most, and lines; a command of more lines goes alone.
pub(super) const COMMANDS_MAX: usize = 1_000;
const LINES_MAX: usize = 10_000;
/// lock_not_available: `lock_timeout` was over.
const ROW_HELD: &str = "55P03";
/// Between two tries while the database is away.
const RETRY: Duration = Duration::from_millis(100);
/// How often a command goes with a batch before it waits for its rows.
const TRIES: u32 = 4;
/// Before the next batch where all of one found their rows held.
const HELD_PAUSE: Duration = Duration::from_millis(1);
/// Within which a dead connection shows.
const AT_ONCE: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, thiserror::Error)]
pub enum Failed {
    /// The queue is full, or the time was over before anything was sent: nothing happened.
    #[error("more work waits than can be done in time")]
    Overloaded,
    /// The service is going down, and took this no more.
    #[error("the service is going down")]
    Closing,
    /// The breaker is open: the database was not asked.
    #[error("the database is away")]
    Away { retry_after: Duration },
    /// Shared: one error of a batch is that of each of its commands.
    #[error(transparent)]
    Database(Arc<Error>),
}

impl From<Error> for Failed {
    fn from(error: Error) -> Failed {
        Failed::Database(Arc::new(error))
    }
}

impl From<Refused> for Failed {
    fn from(open: Refused) -> Failed {
        Failed::Away { retry_after: open.retry_after }
    }
}

impl Failed {
    /// Whether it is that of all who needed the same rows: nobody had them, or the database was away.
    pub(super) fn is_of_all(&self) -> bool {
        let held = |error: &Error| matches!(error, Error::Database { sqlstate, .. } if sqlstate == ROW_HELD);
        self.is_away() || matches!(self, Failed::Database(error) if held(error))
    }

    /// Whether the database was away; what it did before that nobody knows.
    pub fn is_away(&self) -> bool {
        match self {
            Failed::Away { .. } => true,
            Failed::Database(error) => Outcome::of(error) == Outcome::Failed,
            Failed::Overloaded | Failed::Closing => false,
        }
    }
}

pub(super) struct Ticket {
    pub work: Work,
    pub deadline: Instant,
    /// Batches that found its rows held.
    tries: u32,
    pub answer: oneshot::Sender<Result<Done, Failed>>,
    /// Of the request that handed it in.
    pub span: Span,
}

/// Where requests hand in their commands.
pub struct Desk {
    queues: Vec<mpsc::Sender<Ticket>>,
    patience: Duration,
}

/// What a batch needs beside its commands.
#[derive(Clone)]
pub struct Room {
    pub pool: Pool,
    pub metrics: Arc<Metrics>,
    pub breaker: Arc<Switch>,
    /// Connections for commands that step aside.
    pub aside: usize,
    /// Whether goods can be had elsewhere while the database is away: then nobody waits for it here.
    pub elsewhere: bool,
}

impl Desk {
    /// `shards` workers with a queue of `depth` each; a command may take `patience`. The workers end
    /// when the desk is gone and all is answered.
    pub fn open(
        room: &Room,
        shards: usize,
        depth: usize,
        patience: Duration,
    ) -> (Desk, Vec<tokio::task::JoinHandle<()>>) {
        let aside = Arc::new(Aside::new(room.clone()));
        let (queues, workers) = (0..shards.max(1))
            .map(|_| {
                let (sender, receiver) = mpsc::channel(depth);
                let (room, aside) = (room.clone(), aside.clone());
                let worker = Worker { room, aside, session: None, held_over: VecDeque::new() };
                (sender, tokio::spawn(worker.run(receiver)))
            })
            .unzip();
        (Desk { queues, patience }, workers)
    }

    pub async fn carry_out(&self, work: Work) -> Result<Done, Failed> {
        let (answer, answered) = oneshot::channel();
        let deadline = Instant::now() + self.patience;
        let queue = &self.queues[work.shard(self.queues.len())];
        let ticket = Ticket { work, deadline, tries: 0, answer, span: Span::current() };
        queue.try_send(ticket).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => Failed::Overloaded,
            mpsc::error::TrySendError::Closed(_) => Failed::Closing,
        })?;
        answered.await.unwrap_or(Err(Failed::Closing))
    }
}

struct Worker {
    room: Room,
    aside: Arc<Aside>,
    session: Option<Session>,
    /// Repeats of a command in the batch before, what did not fit into it, and whose rows were held.
    held_over: VecDeque<Ticket>,
}

impl Worker {
    async fn run(mut self, mut queue: mpsc::Receiver<Ticket>) {
        let mut arrived = Vec::with_capacity(COMMANDS_MAX);
        loop {
            if self.held_over.is_empty() && queue.recv_many(&mut arrived, COMMANDS_MAX).await == 0 {
                return;
            }
            // What is held over counts: while the database is away the queue must fill, not this.
            while self.held_over.len() + arrived.len() < COMMANDS_MAX
                && let Ok(ticket) = queue.try_recv()
            {
                arrived.push(ticket);
            }
            self.held_over.extend(arrived.drain(..));
            let batch = self.next_batch();
            self.carry_out(batch).await;
        }
    }

    /// In the order they came: of a request id one command, as two would be one order of both.
    fn next_batch(&mut self) -> Vec<Ticket> {
        let now = Instant::now();
        let (mut batch, mut later) = (Vec::new(), VecDeque::new());
        let mut ids: HashSet<Uuid> = HashSet::new();
        let mut lines = 0;
        while batch.len() < COMMANDS_MAX
            && let Some(ticket) = self.held_over.pop_front()
        {
            if ticket.deadline <= now {
                let _ = ticket.answer.send(Err(Failed::Overloaded));
                continue;
            }
            lines += ticket.work.lines.len();
            if lines > LINES_MAX && !batch.is_empty() {
                later.push_back(ticket);
                break;
            }
            match ids.insert(ticket.work.request_id) {
                true => batch.push(ticket),
                false => later.push_back(ticket),
            }
        }
        later.append(&mut self.held_over);
        self.held_over = later;
        batch
    }

    async fn carry_out(&mut self, batch: Vec<Ticket>) {
        if batch.is_empty() {
            return;
        }
        let pass = match self.room.breaker.ask() {
            Ok(pass) => pass,
            Err(refused) => return fail(batch, &refused.into()),
        };
        self.room.metrics.batch(batch.len());
        let span = traces::batch(batch.iter().map(|ticket| &ticket.span));
        let sent = self.send(&batch).instrument(span).await;
        self.room.breaker.tell(pass, &sent);
        match sent {
            Ok(done) => self.answer(batch, done).await,
            // Nobody knows what became of it: the same ids again, until their time is over or the
            // breaker opens.
            Err(error) if Outcome::of(&error) == Outcome::Failed => {
                self.put_back(batch, error).await
            }
            Err(error) if batch.len() == 1 => fail(batch, &error.into()),
            // One of them spoils it for all.
            Err(_) => self.aside.take_each(batch),
        }
    }

    /// A connection that was kept may have died while nothing was asked of it, and says so at once. That
    /// says nothing of the database: only a new one does, and the ids make it safe to send the same again.
    async fn send(&mut self, batch: &[Ticket]) -> Result<Vec<Done>> {
        let (kept, asked) = (self.session.is_some(), Instant::now());
        match self.send_once(batch).await {
            Err(error)
                if kept && asked.elapsed() < AT_ONCE && Outcome::of(&error) == Outcome::Failed =>
            {
                self.send_once(batch).await
            }
            done => done,
        }
    }

    async fn send_once(&mut self, batch: &[Ticket]) -> Result<Vec<Done>> {
        let mut session = match self.session.take() {
            Some(session) => session,
            None => self.room.pool.own().await?,
        };
        let works = batch.iter().map(|ticket| &ticket.work);
        let done = execute(&mut session, works, false).await;
        // One that broke is not used again.
        if !done.as_ref().is_err_and(|error| Outcome::of(error) == Outcome::Failed) {
            self.session = Some(session);
        }
        done
    }

    async fn answer(&mut self, batch: Vec<Ticket>, done: Vec<Done>) {
        let all = batch.len();
        let mut held = Vec::new();
        for (mut ticket, done) in batch.into_iter().zip(done) {
            if done.code() == Code::Busy.as_str() {
                ticket.tries += 1;
                held.push(ticket);
            } else {
                let _ = ticket.answer.send(Ok(done));
            }
        }
        let none_went = held.len() == all;
        let (patient, hasty): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|ticket| ticket.tries >= TRIES);
        self.aside.take(patient);
        if none_went && !hasty.is_empty() {
            tokio::time::sleep(HELD_PAUSE).await;
        }
        hasty.into_iter().rev().for_each(|ticket| self.held_over.push_front(ticket));
    }

    async fn put_back(&mut self, batch: Vec<Ticket>, error: Error) {
        let failed = Failed::from(error);
        if self.room.elsewhere {
            return fail(batch, &failed);
        }
        let again = Instant::now() + RETRY;
        for ticket in batch.into_iter().rev() {
            if ticket.deadline <= again {
                fail(vec![ticket], &failed);
            } else {
                self.held_over.push_front(ticket);
            }
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// With `wait` rows that another transaction holds are waited for; else the commands that need them are `busy`.
pub(super) async fn execute<'w>(
    session: &mut Session,
    works: impl Iterator<Item = &'w Work> + Clone,
    wait: bool,
) -> Result<Vec<Done>> {
    let mut commands = Commands::default();
    works.clone().for_each(|work| work.write(&mut commands));
    let mut answers = session.execute_many(&commands, wait).await?.into_iter();
    Ok(works
        .map(|work| Done { lines: answers.by_ref().take(work.lines.len()).collect() })
        .collect())
}

pub(super) fn fail(batch: Vec<Ticket>, failed: &Failed) {
    for ticket in batch {
        let _ = ticket.answer.send(Err(failed.clone()));
    }
}
