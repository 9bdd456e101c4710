//! What a round sends, and what is kept of it. Pure: the same round judged twice is judged the same.
//!
//! A round has two sources: events that are parked, and the next ones of the journal. Those of one SKU keep
//! their order: while one is parked, later ones are parked behind it. Whatever a sink refuses is parked and
//! tried again ever later, until it is dead; then those behind it go on.

use inventory_sinks::{Event, Outcome};
use std::collections::HashSet;
use std::time::Duration;

/// From so many parked events on nobody waits for another try: who was refused before is dead, so that those
/// behind come through.
pub const CROWDED: usize = 5_000;
/// From so many on nothing is read from the journal.
pub const FULL: usize = 8_000;
/// The most events of a round.
pub const ROUND_MAX: usize = 2_000;
const ROUND_MIN: usize = 20;
/// So many times in a row the sink went away over the same event: it may be the event's fault.
const SUSPECT: u32 = 3;

/// How often a refused event is tried, and how soon.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    /// Tries, the first one included.
    pub attempts: u32,
    /// Before the second try; before each later one twice as long as before.
    pub first: Duration,
    pub longest: Duration,
}

impl Retry {
    /// How long to wait after so many tries. `dice` (0 to 1) shortens it by up to half, so that what failed
    /// together is not tried together.
    pub fn wait(&self, attempts: u32, dice: f64) -> Duration {
        let doubled = self.first.saturating_mul(1 << attempts.saturating_sub(1).min(20));
        doubled.min(self.longest).mul_f64(1.0 - dice.clamp(0.0, 1.0) / 2.0)
    }
}

/// An event of the journal, with the cursor that stands behind it.
#[derive(Clone, Debug)]
pub struct Fresh {
    pub id: i64,
    pub cursor: String,
    pub event: Event,
}

/// An event that is parked and not dead.
#[derive(Clone, Debug)]
pub struct Parked {
    pub id: i64,
    pub sku: Option<String>,
    pub attempts: u32,
    /// What to send, if the time of its SKU's first has come.
    pub event: Option<Event>,
}

/// What is to be done about one event of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Sent,
    /// Parked behind others of its SKU.
    Behind,
    /// Not sent, because the sink may have gone away over it.
    Suspected,
}

/// One round: what is sent, in order.
#[derive(Debug)]
pub struct Round {
    pub batch: Vec<Event>,
    /// Places in `parked` of the first events of the batch.
    parked: Vec<usize>,
    /// What happens to each of the journal's.
    ways: Vec<Way>,
    /// Whether it tries what happens without the suspect.
    probes: bool,
}

/// An event to park, or one that is parked, as it is from now on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Park {
    pub id: i64,
    pub sku: Option<String>,
    pub attempts: u32,
    /// Until it is tried again. None: if it was tried it is dead, else it waits behind others.
    pub wait: Option<Duration>,
    pub error: Option<String>,
}

/// What is saved of a round.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    pub cursor: Option<String>,
    pub delivered: u64,
    pub settled: Vec<i64>,
    pub park: Vec<Park>,
    /// Why the sink is away, if it is.
    pub failure: Option<String>,
}

/// Over which event the sink went away, and how often in a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trouble {
    pub first: Option<i64>,
    pub times: u32,
}

impl Trouble {
    /// The event that the next round does without, every other time.
    fn suspect(&self) -> Option<i64> {
        self.first.filter(|_| self.times >= SUSPECT && self.times % 2 == 1)
    }
}

impl Round {
    /// `room` is how many events a round may have.
    pub fn plan(parked: &[Parked], fresh: &[Fresh], trouble: Trouble, room: usize) -> Round {
        let (mut lanes, mut waiting) = (Vec::new(), HashSet::new());
        let suspect = trouble.suspect();
        for (at, event) in parked.iter().enumerate() {
            let sku = event.sku.as_deref();
            let goes = event.event.is_some()
                && lanes.len() < room
                && Some(event.id) != suspect
                && !sku.is_some_and(|sku| waiting.contains(sku));
            if goes {
                lanes.push(at);
            } else {
                waiting.extend(sku);
            }
        }
        let mut ways = Vec::with_capacity(fresh.len());
        for event in fresh {
            let sku = event.event.sku.as_deref();
            ways.push(if sku.is_some_and(|sku| waiting.contains(sku)) {
                Way::Behind
            } else if Some(event.id) == suspect {
                waiting.extend(sku);
                Way::Suspected
            } else {
                Way::Sent
            });
        }
        let sent = fresh.iter().zip(&ways).filter(|(_, way)| **way == Way::Sent);
        let sent = sent.map(|(fresh, _)| fresh.event.clone());
        let batch: Vec<Event> =
            lanes.iter().filter_map(|at| parked[*at].event.clone()).chain(sent).collect();
        if batch.is_empty() && suspect.is_some() {
            // Nobody else is there to tell whether it is the event or the sink.
            return Round::plan(parked, fresh, Trouble::default(), room);
        }
        Round { batch, parked: lanes, ways, probes: suspect.is_some() }
    }

    /// What comes of it, where the sink decided on the first `outcomes` of the batch, and on all of them
    /// unless `down` says why it went away.
    pub fn judge(
        &self,
        parked: &[Parked],
        fresh: &[Fresh],
        outcomes: &[Outcome],
        down: Option<&str>,
        rules: &Rules<'_>,
    ) -> Progress {
        let mut progress = Progress { failure: down.map(str::to_owned), ..Progress::default() };
        // Then it was the suspect's fault that the sink went away.
        let others_came = outcomes.contains(&Outcome::Delivered);
        let mut outcomes = outcomes.iter();
        for at in &self.parked {
            let event = &parked[*at];
            let Some(outcome) = outcomes.next() else { break };
            match outcome {
                Outcome::Delivered => {
                    progress.settled.push(event.id);
                    progress.delivered += 1;
                }
                Outcome::Refused(why) => {
                    let sku = event.sku.clone();
                    progress.park.push(rules.refused(event.id, sku, event.attempts, why));
                }
                Outcome::Behind => {}
            }
        }
        for (fresh, way) in fresh.iter().zip(&self.ways) {
            let sku = || fresh.event.sku.clone();
            match way {
                Way::Behind => progress.park.push(Park::behind(fresh.id, sku())),
                Way::Suspected if others_came => {
                    let why = "the sink goes away whenever it is sent this event";
                    progress.park.push(rules.refused(fresh.id, sku(), 0, why));
                }
                Way::Suspected => break,
                Way::Sent => match outcomes.next() {
                    Some(Outcome::Delivered) => progress.delivered += 1,
                    Some(Outcome::Refused(why)) => {
                        progress.park.push(rules.refused(fresh.id, sku(), 0, why));
                    }
                    Some(Outcome::Behind) => progress.park.push(Park::behind(fresh.id, sku())),
                    None => break,
                },
            }
            progress.cursor = Some(fresh.cursor.clone());
        }
        self.judge_suspect(parked, rules, &mut progress);
        self.make_room(parked, &mut progress);
        progress
    }

    /// A parked event that the round did without, while others came through.
    fn judge_suspect(&self, parked: &[Parked], rules: &Rules<'_>, progress: &mut Progress) {
        let Some(suspect) = rules.trouble.suspect().filter(|_| self.probes) else { return };
        if let Some(event) = parked.iter().find(|event| event.id == suspect)
            && progress.delivered > 0
        {
            let why = "the sink goes away whenever it is sent this event";
            progress.park.push(rules.refused(event.id, event.sku.clone(), event.attempts, why));
        }
    }

    /// Where too many are parked, those that were refused before and wait for their time do so no longer.
    fn make_room(&self, parked: &[Parked], progress: &mut Progress) {
        if parked.len() < CROWDED {
            return;
        }
        let waits = |event: &&Parked| event.event.is_none() && event.attempts > 0;
        let dead = |event: &Parked| Park {
            id: event.id,
            sku: event.sku.clone(),
            attempts: event.attempts,
            wait: None,
            error: None,
        };
        progress.park.extend(parked.iter().filter(waits).map(dead));
    }

    /// The trouble after the sink went away with so many decided.
    pub fn trouble(
        &self,
        parked: &[Parked],
        fresh: &[Fresh],
        decided: usize,
        before: Trouble,
    ) -> Trouble {
        let sent = fresh.iter().zip(&self.ways).filter(|(_, way)| **way == Way::Sent);
        let mut ids = self.parked.iter().map(|at| parked[*at].id).chain(sent.map(|(f, _)| f.id));
        let first = ids.nth(decided);
        match before.first {
            Some(suspect) if self.probes && decided == 0 => {
                Trouble { first: Some(suspect), times: before.times.saturating_add(1) }
            }
            _ if decided == 0 && first == before.first => {
                Trouble { first, times: before.times.saturating_add(1) }
            }
            _ => Trouble { first, times: 1 },
        }
    }
}

impl Park {
    fn behind(id: i64, sku: Option<String>) -> Park {
        Park { id, sku, attempts: 0, wait: None, error: None }
    }
}

/// By what a refused event is judged.
pub struct Rules<'r> {
    pub retry: &'r Retry,
    /// So many events are parked.
    pub parked: usize,
    pub trouble: Trouble,
    /// 0 to 1, by chance.
    pub dice: f64,
}

impl Rules<'_> {
    fn refused(&self, id: i64, sku: Option<String>, before: u32, why: &str) -> Park {
        let attempts = before.saturating_add(1);
        let dead = attempts >= self.retry.attempts || self.parked >= CROWDED;
        let wait = (!dead).then(|| self.retry.wait(attempts, self.dice));
        Park { id, sku, attempts, wait, error: Some(why.to_owned()) }
    }
}

/// How many events the next round may have: what is delivered within a second or so, since a relay that
/// is killed sends a round again.
pub fn next_room(room: usize, sent: usize, took: Duration) -> usize {
    let next = if took > Duration::from_secs(2) {
        room / 2
    } else if took < Duration::from_millis(500) && sent >= room {
        room * 2
    } else {
        room
    };
    next.clamp(ROUND_MIN, ROUND_MAX)
}

#[cfg(test)]
mod tests;
