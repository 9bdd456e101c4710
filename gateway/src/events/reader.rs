//! The one reader of the journal. While nobody listens it does nothing; while nothing happens it looks
//! ever less often.

use super::LOOK;
use super::event::Batch;
use super::followers::Followers;
use crate::error::{Error, Result};
use crate::serve::metrics::Metrics;
use crate::store::{Pool, Session};
use inventory_core::Refusal;
use inventory_core::cursor::Cursor;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

/// Between two looks, from the first that found nothing on.
const PAUSE_MIN: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);
/// Those to whom nothing happens hear so often where they stand.
const TELL_EVERY: Duration = Duration::from_secs(5);
/// Looks by which somebody who joins may be behind.
const JOIN_LOOKS: usize = 4;

/// Somebody who wants to hear of what comes behind a place.
pub(super) struct Join {
    /// Without one, from now on.
    pub after: Option<String>,
    pub answer: oneshot::Sender<Result<Joined>>,
}

/// What they get first, and then.
pub(super) struct Joined {
    pub first: Vec<Arc<Batch>>,
    /// None where they are too far behind to go with the others.
    pub live: Option<mpsc::Receiver<Arc<Batch>>>,
}

pub struct Reader {
    pool: Pool,
    metrics: Arc<Metrics>,
    joins: mpsc::Receiver<Join>,
    waiting: Vec<Join>,
    followers: Followers,
    session: Option<Session>,
    /// Behind all that the followers have been told; None while there are none.
    place: Option<String>,
    told: Instant,
}

impl Reader {
    pub(super) fn new(pool: Pool, metrics: Arc<Metrics>, joins: mpsc::Receiver<Join>) -> Reader {
        Reader {
            pool,
            metrics,
            joins,
            waiting: Vec::new(),
            followers: Followers::default(),
            session: None,
            place: None,
            told: Instant::now(),
        }
    }

    /// Until nobody can join any more.
    pub async fn run(mut self) {
        let mut pause = PAUSE_MIN;
        let mut well = true;
        loop {
            match self.round().await {
                Ok(true) => pause = Duration::ZERO,
                Ok(false) => pause = (pause * 2).clamp(PAUSE_MIN, PAUSE_MAX),
                Err(error) => {
                    // One line an outage.
                    if std::mem::take(&mut well) {
                        tracing::warn!(%error, "the journal cannot be read; those who follow it wait");
                    }
                    self.session = None;
                    pause = PAUSE_MAX;
                }
            }
            well |= self.session.is_some();
            let idle = self.waiting.is_empty() && self.followers.is_empty();
            let rest = async {
                match idle {
                    true => std::future::pending().await,
                    false => tokio::time::sleep(pause).await,
                }
            };
            tokio::select! {
                join = self.joins.recv() => match join {
                    Some(join) => self.waiting.push(join),
                    None => return,
                },
                () = rest => {}
            }
        }
    }

    /// Whether it found anything.
    async fn round(&mut self) -> Result<bool> {
        while let Ok(join) = self.joins.try_recv() {
            self.waiting.push(join);
        }
        self.waiting.retain(|join| !join.answer.is_closed());
        self.followers.tidy();
        if self.followers.is_empty() {
            self.place = None;
        }
        if !self.waiting.is_empty() {
            self.admit().await?;
            return Ok(true);
        }
        if self.followers.is_empty() {
            // Nobody's time is taken for nobody.
            self.session = None;
            return Ok(false);
        }
        self.look().await.map(|caught_up| !caught_up)
    }

    async fn session(&mut self) -> Result<&mut Session> {
        let session = match self.session.take() {
            Some(session) => session,
            None => self.pool.own().await?,
        };
        Ok(self.session.insert(session))
    }

    /// Tells the followers what comes next; whether that was all.
    async fn look(&mut self) -> Result<bool> {
        let place = self.place.clone();
        let read = self.session().await?.read_events(place.as_deref(), LOOK).await;
        if read.as_ref().is_err_and(|error| error.refusal().is_some()) {
            // Not this database's any more: each finds out for itself.
            self.followers.let_go();
            self.place = None;
        }
        let look = read?;
        let caught_up = look.caught_up;
        let batch = Arc::new(Batch::from(look));
        self.place = Some(batch.after.clone());
        for entry in &batch.entries {
            self.metrics.event(entry.event.topic);
        }
        if !batch.entries.is_empty() || self.told.elapsed() >= TELL_EVERY {
            self.followers.tell(&batch);
            self.told = Instant::now();
        }
        Ok(caught_up)
    }

    /// Lets those join who wait. The followers are brought to an end of their own, and each who joins to
    /// where they then stand: no further, whatever commits meanwhile.
    async fn admit(&mut self) -> Result<()> {
        match self.place {
            Some(_) => while !self.look().await? {},
            None => self.place = Some(self.session().await?.events_now().await?),
        }
        while let Some(join) = self.waiting.pop() {
            let brought = self.bring(join.after.clone()).await;
            if brought.as_ref().is_err_and(passes) {
                self.waiting.push(join);
                return brought.map(drop);
            }
            let joined = brought.map(|(first, level)| {
                let live = level.then(|| self.followers.add());
                Joined { first, live }
            });
            let _ = join.answer.send(joined);
        }
        Ok(())
    }

    /// What lies between a place and the followers', and whether that was all.
    async fn bring(&mut self, after: Option<String>) -> Result<(Vec<Arc<Batch>>, bool)> {
        let place = self.place.clone().unwrap_or_default();
        let Some(after) = after else {
            return Ok((vec![Arc::new(Batch::at(place))], true));
        };
        let here = |text: &str| Cursor::parse(text).map_err(refused);
        let goal = here(&place)?;
        let Some(way) = here(&after)?.towards(&goal) else { return Ok((Vec::new(), false)) };
        let (mut at, mut first) = (way.to_string(), Vec::new());
        for _ in 0..JOIN_LOOKS {
            let mut look = self.session().await?.read_events(Some(&at), LOOK).await?;
            let found = look.events.len();
            look.events.retain(|event| here(&event.cursor).is_ok_and(|at| at.leads_to(&goal)));
            // What came after that the others will hear, too.
            let level = look.caught_up || look.events.len() < found;
            if level {
                look.after = place;
                first.push(Arc::new(Batch::from(look)));
                return Ok((first, true));
            }
            at.clone_from(&look.after);
            first.push(Arc::new(Batch::from(look)));
        }
        Ok((first, false))
    }
}

fn refused(refusal: Refusal) -> Error {
    Error::refused(refusal.code, refusal.detail)
}

/// Whether the same may be asked again later: the database is away, or somebody was in the way.
pub(super) fn passes(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } => true,
        Error::Database { sqlstate, .. } => ["08", "25", "40", "53", "55", "57", "58"]
            .iter()
            .any(|class| sqlstate.starts_with(class)),
        _ => false,
    }
}
