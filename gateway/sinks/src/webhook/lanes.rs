//! Which event goes next: one of a SKU at a time, the oldest first.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::answer::Answer;
use crate::tally::Tally;
use crate::{Down, Event, Outcome};

/// So many unclear answers and none that took an event: it is the receiver.
const UNCLEAR_MAX: usize = 3;

pub struct Lanes<'a> {
    tally: Tally<'a>,
    /// The next event of the same SKU.
    following: Vec<Option<usize>>,
    /// Events with nothing of their SKU before them.
    ready: BinaryHeap<Reverse<usize>>,
    unclear: Vec<(usize, String)>,
    taken: bool,
    away: Option<Down>,
}

impl<'a> Lanes<'a> {
    pub fn of(events: &'a [Event]) -> Lanes<'a> {
        let mut following = vec![None; events.len()];
        let mut ready = BinaryHeap::new();
        let mut last: HashMap<&str, usize> = HashMap::new();
        for (at, event) in events.iter().enumerate() {
            let before = event.sku.as_deref().and_then(|sku| last.insert(sku, at));
            match before.and_then(|before| following.get_mut(before)) {
                Some(place) => *place = Some(at),
                None => ready.push(Reverse(at)),
            }
        }
        let tally = Tally::of(events);
        Lanes { tally, following, ready, unclear: Vec::new(), taken: false, away: None }
    }

    /// The event to send now; none where all that may be sent is under way or done.
    pub fn send_next(&mut self) -> Option<usize> {
        if self.away.is_some() || self.seems_away() {
            return None;
        }
        self.ready.pop().map(|Reverse(at)| at)
    }

    pub fn answered(&mut self, at: usize, answer: Answer) {
        match answer {
            Answer::Taken => {
                self.taken = true;
                self.tally.note(at, Outcome::Delivered);
                self.ready.extend(self.after(at).map(Reverse));
            }
            Answer::Refused(reason) => self.refuse(at, reason),
            Answer::Unclear(reason) => self.unclear.push((at, reason)),
            Answer::Away { reason, retry_after } => {
                self.away.get_or_insert(Down { retry_after, ..Down::because(reason) });
            }
        }
    }

    /// When nothing is under way any more.
    pub fn finish(mut self) -> Result<Vec<Outcome>, Down> {
        let unclear = std::mem::take(&mut self.unclear);
        if !self.taken
            && let Some((_, reason)) = unclear.first()
        {
            self.away.get_or_insert(Down::because(reason));
        }
        if self.away.is_none() {
            for (at, reason) in unclear {
                self.refuse(at, reason);
            }
        }
        match self.away {
            Some(down) => Err(self.tally.down(down)),
            None => Ok(self.tally.finish()),
        }
    }

    fn seems_away(&self) -> bool {
        !self.taken && self.unclear.len() >= UNCLEAR_MAX
    }

    /// Refuses it and notes all that would have come after it.
    fn refuse(&mut self, at: usize, reason: String) {
        self.tally.note(at, Outcome::Refused(reason));
        let mut next = self.after(at);
        while let Some(at) = next {
            self.tally.holds_back(at);
            next = self.after(at);
        }
    }

    fn after(&self, at: usize) -> Option<usize> {
        self.following.get(at).copied().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::tests::event;
    use Outcome::{Behind, Delivered};

    fn answers(skus: &[&str], say: impl Fn(usize) -> Answer) -> Result<Vec<Outcome>, Down> {
        let events: Vec<Event> = skus.iter().map(|sku| event(sku)).collect();
        let mut lanes = Lanes::of(&events);
        let mut under_way = Vec::new();
        loop {
            while let Some(at) = lanes.send_next() {
                let sku = &events[at].sku;
                assert!(
                    under_way.iter().all(|&other: &usize| events[other].sku != *sku),
                    "two of {sku:?}"
                );
                under_way.push(at);
            }
            match under_way.pop() {
                Some(at) => lanes.answered(at, say(at)),
                None => return lanes.finish(),
            }
        }
    }

    fn refused() -> Outcome {
        Outcome::Refused("no".into())
    }

    #[test]
    fn what_is_behind_a_refused_event_waits() {
        let outcomes = answers(&["a", "a", "b", "a"], |at| match at {
            1 => Answer::Refused("no".into()),
            _ => Answer::Taken,
        });
        assert_eq!(outcomes.unwrap(), [Delivered, refused(), Delivered, Behind]);
    }

    #[test]
    fn an_unclear_answer_is_the_events_where_another_is_taken() {
        let broken = |at| match at {
            0 => Answer::Unclear("no".into()),
            _ => Answer::Taken,
        };
        assert_eq!(answers(&["a", "a", "b"], broken).unwrap(), [refused(), Behind, Delivered]);
        assert_eq!(answers(&["a", "a"], broken).unwrap_err().decided, []);
    }

    #[test]
    fn who_is_away_is_left_alone() {
        let down = answers(&["a", "b", "b"], |at| match at {
            1 => Answer::Away { reason: "gone".into(), retry_after: None },
            _ => Answer::Taken,
        });
        assert_eq!(down.unwrap_err(), Down { decided: vec![Delivered], ..Down::because("gone") });
    }
}
