//! One sink and the relay whose turn it is: read, deliver, save, round after round.

use super::RelaySettings;
use super::judge::{self, FULL, Parked, Progress, ROUND_MAX, Round, Rules, Trouble};
use crate::error::Result;
use crate::store::{Page, Pool, Turn};
use inventory_core::LINES_MAX;
use inventory_sinks::{Down, Outcome, Sink, Target};
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// The shortest and the longest pause after the sink was away.
const AWAY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(30));
/// Between two looks at what is parked, where nothing was.
const LOOK: Duration = Duration::from_secs(1);
const IDLE_MIN: Duration = Duration::from_millis(5);
/// The first round's events: how quick the sink is shows then.
const ROOM: usize = 100;

/// What a relay remembers of a sink between two rounds.
pub struct Line<'s> {
    settings: &'s RelaySettings,
    pool: &'s Pool,
    turn: Turn,
    /// Until when nobody else can have the turn.
    until: watch::Receiver<Instant>,
    cursor: String,
    sink: Option<Sink>,
    room: usize,
    trouble: Trouble,
    /// Rounds in a row that the sink was away.
    away: u32,
    /// When what is parked is looked at again.
    look: Instant,
    idle: Duration,
}

/// How a round ended.
enum Ended {
    /// At once the next.
    Well,
    /// Nothing was to be done.
    Idle,
    Away(Down),
    /// Somebody else's turn.
    Over,
}

impl<'s> Line<'s> {
    pub fn new(
        settings: &'s RelaySettings,
        pool: &'s Pool,
        turn: Turn,
        until: watch::Receiver<Instant>,
    ) -> Line<'s> {
        Line {
            settings,
            pool,
            cursor: turn.cursor.clone(),
            turn,
            until,
            sink: None,
            room: ROOM,
            trouble: Trouble::default(),
            away: 0,
            look: Instant::now(),
            idle: IDLE_MIN,
        }
    }

    /// Until it is told to stop, or the turn is over. A round that has begun is finished.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let name = self.turn.sink.clone();
        while !*stop.borrow() {
            let pause = match self.round().await {
                Ok(Ended::Well) => {
                    (self.away, self.idle) = (0, IDLE_MIN);
                    continue;
                }
                Ok(Ended::Idle) => {
                    self.away = 0;
                    self.idle = (self.idle * 2).min(self.settings.poll);
                    self.idle
                }
                Ok(Ended::Away(down)) => self.went_away(&name, &down),
                Ok(Ended::Over) => return,
                Err(error) => {
                    tracing::warn!(sink = name, %error, "the database could not be asked or told; again soon");
                    AWAY.0.max(self.settings.poll)
                }
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = stop.changed() => {}
            }
        }
    }

    fn went_away(&mut self, name: &str, down: &Down) -> Duration {
        if self.away == 0 {
            tracing::warn!(
                sink = name,
                reason = down.reason,
                "the sink is away; it is tried again"
            );
        }
        self.sink = None;
        self.away = self.away.saturating_add(1);
        let away = judge::Retry { attempts: 0, first: AWAY.0, longest: AWAY.1 };
        let wait = away.wait(self.away, super::dice());
        down.retry_after.map_or(wait, |asked| asked.clamp(wait, self.settings.retry.longest))
    }

    async fn round(&mut self) -> Result<Ended> {
        let parked = self.parked().await?;
        let page = self.page(&parked).await?;
        let begun = Instant::now();
        let round = Round::plan(&parked, &page.events, self.trouble, self.room);
        let until = self.until.clone();
        let (outcomes, down) = match while_ours(until, self.deliver(&round)).await {
            Ok(outcomes) => (outcomes, None),
            Err(down) => (down.decided.clone(), Some(down)),
        };
        let rules = Rules {
            retry: &self.settings.retry,
            parked: parked.len(),
            trouble: self.trouble,
            dice: super::dice(),
        };
        let reason = down.as_ref().map(|down| down.reason.as_str());
        let mut progress = round.judge(&parked, &page.events, &outcomes, reason, &rules);
        if page.events.is_empty() {
            progress.cursor = page.caught_up;
        }
        self.trouble = match &down {
            Some(_) => round.trouble(&parked, &page.events, outcomes.len(), self.trouble),
            None => Trouble::default(),
        };
        if !self.save(progress).await? {
            return Ok(Ended::Over);
        }
        if let Some(down) = down {
            return Ok(Ended::Away(down));
        }
        self.room = judge::next_room(self.room, round.batch.len(), begun.elapsed());
        Ok(if round.batch.is_empty() && page.events.is_empty() { Ended::Idle } else { Ended::Well })
    }

    /// All that waits to be sent again. Others may redrive an event, so it is asked now and then.
    async fn parked(&mut self) -> Result<Vec<Parked>> {
        if Instant::now() < self.look {
            return Ok(Vec::new());
        }
        let mut session = self.pool.session().await?;
        let source = self.turn.source;
        let parked = session.due_events(source, &self.turn.sink, LINES_MAX).await?;
        if parked.is_empty() {
            self.look = Instant::now() + LOOK;
        }
        Ok(parked)
    }

    async fn page(&self, parked: &[Parked]) -> Result<Page> {
        if parked.len() >= FULL {
            return Ok(Page::default());
        }
        let mut session = self.pool.session().await?;
        session.next_events(self.turn.source, &self.cursor, self.room.min(ROUND_MAX)).await
    }

    async fn deliver(&mut self, round: &Round) -> Result<Vec<Outcome>, Down> {
        if round.batch.is_empty() {
            return Ok(Vec::new());
        }
        let sink = match &mut self.sink {
            Some(sink) => sink,
            none => {
                let target = Target::parse(&self.turn.target.0).map_err(Down::because)?;
                none.insert(Sink::connect(&target, &self.settings.sinks).await?)
            }
        };
        sink.deliver(&round.batch).await
    }

    /// Gives whether the turn is still ours.
    async fn save(&mut self, mut progress: Progress) -> Result<bool> {
        progress.cursor = progress.cursor.filter(|cursor| *cursor != self.cursor);
        if progress == Progress::default() {
            return Ok(true);
        }
        let mut session = self.pool.session().await?;
        if !session.save_progress(&self.turn, &progress).await? {
            return Ok(false);
        }
        if let Some(cursor) = progress.cursor {
            self.cursor = cursor;
        }
        if !progress.park.is_empty() {
            self.look = Instant::now();
        }
        Ok(true)
    }
}

/// Goes on with it while the turn is ours: whoever has it next has told the sink of later events by then. One who
/// slept, or lost the database, notices by its own clock, before anything else. It waits then: renewed, the turn is
/// still ours, and who has lost it is ended.
async fn while_ours<T>(mut until: watch::Receiver<Instant>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        let end = *until.borrow_and_update();
        let ours = poll_fn(|context| match Instant::now() < end {
            true => work.as_mut().poll(context).map(Some),
            false => Poll::Ready(None),
        });
        tokio::select! {
            biased;
            done = ours => if let Some(done) = done { return done },
            () = tokio::time::sleep_until(end) => {}
            Ok(()) = until.changed() => continue,
        }
        if until.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
