//! The relay: tells sinks what the journal says.
//!
//! Several relays share the sinks of a database and take over from one that died: whose turn a sink is, and
//! how far it was told, lies in the database, and nothing is saved of a turn that is over. What was delivered
//! and not saved is delivered again.
//!
//! `judge` decides what a round sends and what is kept of it · `line` is the loop of one sink.

pub mod judge;
mod line;
mod settings;

use crate::error::Result;
use crate::store::{Pool, Turn};
use line::Line;
use std::collections::HashMap;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use settings::{RelayArgs, RelaySettings};

/// The sinks that are this relay's now, each with its loop.
#[derive(Default)]
struct Lines(HashMap<String, Running>);

struct Running {
    turn: Turn,
    stop: watch::Sender<bool>,
    /// Until when nobody else can have the turn.
    until: watch::Sender<Instant>,
    task: JoinHandle<()>,
}

/// Tells sinks until `stop` says so; then each round that has begun is finished.
pub async fn run(settings: RelaySettings, pool: Pool, mut stop: watch::Receiver<bool>) {
    let mut lines = Lines::default();
    let mut well = true;
    while !*stop.borrow() {
        match take(&settings, &pool, &mut lines).await {
            Ok(()) => well = true,
            Err(error) => {
                if well {
                    tracing::warn!(%error, "the relay cannot take its turns; it tries again");
                }
                well = false;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(settings.beat()) => {}
            _ = stop.changed() => {}
        }
    }
    lines.end(&settings, &pool).await;
}

/// Asks which sinks are ours, and sees to it that each of them has its loop and no other.
async fn take(settings: &RelaySettings, pool: &Pool, lines: &mut Lines) -> Result<()> {
    // The database counts from a later moment.
    let until = Instant::now() + settings.lease;
    let turns = pool.session().await?.take_turns(&settings.name, settings.lease).await?;
    lines.0.retain(|sink, running| {
        let same = |turn: &&Turn| turn.sink == *sink && turn.turn == running.turn.turn;
        let ours = turns.iter().find(same).is_some_and(|turn| turn.target == running.turn.target);
        if !ours {
            // Whoever has it now begins where we saved last.
            running.task.abort();
        }
        ours && !running.task.is_finished()
    });
    for turn in turns {
        if let Some(running) = lines.0.get(&turn.sink) {
            running.until.send_replace(until);
        }
        match (turn.give_back, lines.0.contains_key(&turn.sink)) {
            (true, true) => lines.finish(&turn.sink),
            (true, false) => {
                pool.session().await?.give_turns(&settings.name, Some(&turn.sink)).await?
            }
            (false, true) => {}
            (false, false) => lines.begin(settings, pool, turn, until),
        }
    }
    Ok(())
}

impl Lines {
    fn begin(&mut self, settings: &RelaySettings, pool: &Pool, turn: Turn, until: Instant) {
        let (stop, stopped) = watch::channel(false);
        let (until, ours_until) = watch::channel(until);
        let (settings, pool, ours) = (settings.clone(), pool.clone(), turn.clone());
        let task = tokio::spawn(async move {
            Line::new(&settings, &pool, ours, ours_until).run(stopped).await;
        });
        tracing::info!(sink = turn.sink, turn = turn.turn, "telling a sink");
        self.0.insert(turn.sink.clone(), Running { turn, stop, until, task });
    }

    /// Its loop ends after the round that it is in; then it is given back.
    fn finish(&mut self, sink: &str) {
        if let Some(running) = self.0.get(sink) {
            let _ = running.stop.send(true);
        }
    }

    async fn end(self, settings: &RelaySettings, pool: &Pool) {
        for running in self.0.values() {
            let _ = running.stop.send(true);
        }
        let all = self.0.into_values().map(|running| running.task);
        let ended = tokio::time::timeout(settings.lease, futures::future::join_all(all)).await;
        if ended.is_err() {
            tracing::warn!("a sink did not answer; what it was sent last is sent again by others");
        }
        let given = async { pool.session().await?.give_turns(&settings.name, None).await };
        if let Err(error) = given.await {
            tracing::warn!(%error, "turns end by themselves soon: they could not be given back");
        }
    }
}

/// 0 to 1, by chance.
fn dice() -> f64 {
    // 32 bits are exact as a float.
    let throw = uuid::Uuid::new_v4().as_u128() as u32;
    f64::from(throw) / f64::from(u32::MAX)
}

/// A name that no other relay has.
fn fresh_name() -> String {
    format!("relay-{}", uuid::Uuid::new_v4().simple())
}

/// The shortest time to wait for the database.
const PATIENCE: Duration = Duration::from_secs(10);
