//! One follower's way through the journal: alone through what it has missed, then with the others. One
//! who falls behind goes alone again, from where it stands, so nothing is lost and nothing waits for it.

use super::LOOK;
use super::event::Batch;
use super::reader::{Join, Joined, Reader, passes};
use crate::error::{Error, Result};
use crate::serve::metrics::Metrics;
use crate::store::Pool;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};

/// Followers that read alone at once: each has one of the pool's connections meanwhile.
const ALONE: usize = 2;
/// For the look that tells whether a cursor holds.
const FIRST_LOOK: Duration = Duration::from_secs(2);
/// Between two tries while the database is away.
const PAUSE: Duration = Duration::from_millis(500);

/// Where the events of one gateway are to be had.
pub struct Bus {
    pool: Pool,
    joins: mpsc::Sender<Join>,
    alone: Semaphore,
}

/// From where on somebody wants to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum From {
    Now,
    /// Of what the journal has.
    Beginning,
    /// A cursor.
    After(String),
}

pub struct Follower {
    bus: Arc<Bus>,
    from: From,
    /// Read and not yet given out.
    ready: VecDeque<Arc<Batch>>,
    live: Option<mpsc::Receiver<Arc<Batch>>>,
    /// So little is missing that it may join.
    near: bool,
}

impl Bus {
    /// The reader ends once the bus is gone.
    pub fn new(pool: Pool, metrics: Arc<Metrics>) -> (Arc<Bus>, Reader) {
        let (joins, joining) = mpsc::channel(64);
        let reader = Reader::new(pool.clone(), metrics, joining);
        (Arc::new(Bus { pool, joins, alone: Semaphore::new(ALONE) }), reader)
    }

    /// Somebody who listens. Fails where the cursor cannot be gone on from; while the database is away,
    /// or has no time, that turns out later.
    pub async fn follow(self: &Arc<Self>, from: From) -> Result<Follower> {
        let near = from == From::Now;
        let mut follower =
            Follower { bus: self.clone(), from, ready: VecDeque::new(), live: None, near };
        if !near {
            // While many read alone a turn is long in coming: the stream begins, and the rest is told in it.
            match tokio::time::timeout(FIRST_LOOK, follower.look()).await {
                Ok(Err(error)) if !passes(&error) => return Err(error),
                _ => {}
            }
        }
        Ok(follower)
    }
}

impl Follower {
    /// What comes next, as soon as there is anything; also a place alone, behind which nothing is
    /// missing. An error is the end: the cursor cannot be gone on from.
    pub async fn next(&mut self) -> Result<Arc<Batch>> {
        loop {
            if let Some(batch) = self.ready.pop_front() {
                self.from = From::After(batch.after.clone());
                return Ok(batch);
            }
            if let Some(live) = &mut self.live {
                match live.recv().await {
                    Some(batch) => self.ready.push_back(batch),
                    None => (self.live, self.near) = (None, false),
                }
                continue;
            }
            let step = if self.near { self.join().await } else { self.look().await };
            match step {
                Err(error) if passes(&error) => tokio::time::sleep(PAUSE).await,
                step => step?,
            }
        }
    }

    fn cursor(&self) -> Option<&str> {
        match &self.from {
            From::After(cursor) => Some(cursor),
            From::Now | From::Beginning => None,
        }
    }

    /// Reads alone.
    async fn look(&mut self) -> Result<()> {
        let _turn = self.bus.alone.acquire().await.map_err(|_| ended())?;
        let look = self.bus.pool.session().await?.read_events(self.cursor(), LOOK).await?;
        self.near = look.caught_up;
        self.ready.push_back(Arc::new(Batch::from(look)));
        Ok(())
    }

    /// Goes with the others, where little enough is missing.
    async fn join(&mut self) -> Result<()> {
        let (answer, answered) = oneshot::channel();
        let after = self.cursor().map(str::to_owned);
        self.bus.joins.send(Join { after, answer }).await.map_err(|_| ended())?;
        // One that is not answered asks again: what the others read had no end.
        let Ok(joined) = answered.await else { return Ok(()) };
        let Joined { first, live } = joined?;
        self.ready.extend(first);
        self.near = live.is_some();
        self.live = live;
        Ok(())
    }
}

fn ended() -> Error {
    Error::Answer("the reader of the journal has ended".into())
}
