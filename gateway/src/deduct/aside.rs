//! Commands whose rows somebody else's transaction holds for longer: they wait for them on connections
//! of their own, in PostgreSQL's queue of all who do.
//!
//! Those that need the same rows stand in one line, and all that stand there when its turn comes go
//! together. One by one each would hold the rows for a commit of its own, and the more of them waited,
//! the less often would a batch find the rows free; and a row that is held takes one connection, so
//! that others are left for other rows.

use super::batch::{COMMANDS_MAX, Failed, Room, Ticket, execute, fail};
use super::work::Done;
use crate::traces;
use inventory_core::command::Place;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Semaphore;
use tracing::Instrument;

pub(super) struct Aside {
    room: Room,
    connections: Semaphore,
    /// Somebody sees to each that is here.
    lines: Mutex<HashMap<Rows, Vec<Ticket>>>,
}

/// In the order in which they are locked.
type Rows = Vec<Place>;

impl Aside {
    pub fn new(room: Room) -> Aside {
        let connections = Semaphore::new(room.aside);
        Aside { room, connections, lines: Mutex::default() }
    }

    fn lines(&self) -> MutexGuard<'_, HashMap<Rows, Vec<Ticket>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each goes into its line.
    pub fn take(self: &Arc<Self>, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.room.metrics.waits(ticket.work.kind.name());
            match self.lines().entry(ticket.work.rows()) {
                Entry::Occupied(mut line) => line.get_mut().push(ticket),
                Entry::Vacant(none) => {
                    let rows = none.key().clone();
                    none.insert(vec![ticket]);
                    tokio::spawn(self.clone().see_to(rows));
                }
            }
        }
    }

    /// By themselves: one of them spoils it for the others.
    pub fn take_each(self: &Arc<Self>, tickets: Vec<Ticket>) {
        for ticket in tickets {
            self.room.metrics.waits(ticket.work.kind.name());
            let aside = self.clone();
            tokio::spawn(async move {
                if let Ok(_permit) = aside.connections.acquire().await {
                    aside.carry_out(vec![ticket]).await;
                }
            });
        }
    }

    async fn see_to(self: Arc<Self>, rows: Rows) {
        loop {
            let Ok(_permit) = self.connections.acquire().await else { return };
            let Some(tickets) = self.next(&rows) else { return };
            self.carry_out(tickets).await;
        }
    }

    /// Who stands in a line whose time is not over; none where it has come to its end, and is no more.
    fn next(&self, rows: &Rows) -> Option<Vec<Ticket>> {
        let mut lines = self.lines();
        let line = lines.get_mut(rows)?;
        let now = Instant::now();
        let late = line.extract_if(.., |ticket| ticket.deadline <= now).collect();
        fail(late, &Failed::Overloaded);
        if line.is_empty() {
            lines.remove(rows);
            return None;
        }
        Some(line.drain(..line.len().min(COMMANDS_MAX)).collect())
    }

    async fn carry_out(&self, tickets: Vec<Ticket>) {
        let span = traces::batch(tickets.iter().map(|ticket| &ticket.span));
        let Some(last) = tickets.iter().map(|ticket| ticket.deadline).max() else { return };
        let time_left = last.saturating_duration_since(Instant::now());
        let executed = tokio::time::timeout(time_left, self.execute(&tickets).instrument(span));
        match executed.await.unwrap_or(Err(Failed::Overloaded)) {
            Ok(done) => {
                for (ticket, done) in tickets.into_iter().zip(done) {
                    let _ = ticket.answer.send(Ok(done));
                }
            }
            Err(failed) if tickets.len() == 1 || failed.is_of_all() => fail(tickets, &failed),
            Err(_) => {
                for ticket in tickets {
                    Box::pin(self.carry_out(vec![ticket])).await;
                }
            }
        }
    }

    async fn execute(&self, tickets: &[Ticket]) -> Result<Vec<Done>, Failed> {
        let pass = self.room.breaker.ask()?;
        let executed = async {
            let mut session = self.room.pool.session().await?;
            execute(&mut session, tickets.iter().map(|ticket| &ticket.work), true).await
        };
        let done = executed.await;
        self.room.breaker.tell(pass, &done);
        Ok(done?)
    }
}
