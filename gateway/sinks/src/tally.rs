//! What is known of the events of one call while their answers come in.

use std::collections::HashSet;

use crate::{Down, Event, Outcome};

pub struct Tally<'a> {
    events: &'a [Event],
    outcomes: Vec<Option<Outcome>>,
    /// What later events of these SKUs must wait for was refused.
    refused: HashSet<&'a str>,
}

impl<'a> Tally<'a> {
    pub fn of(events: &'a [Event]) -> Tally<'a> {
        Tally { events, outcomes: vec![None; events.len()], refused: HashSet::new() }
    }

    /// Whether this event is not to be sent because of an earlier one; if so, that is noted.
    pub fn holds_back(&mut self, at: usize) -> bool {
        let behind = self.sku(at).is_some_and(|sku| self.refused.contains(sku));
        if behind {
            self.note(at, Outcome::Behind);
        }
        behind
    }

    pub fn note(&mut self, at: usize, outcome: Outcome) {
        if matches!(outcome, Outcome::Refused(_)) {
            self.refused.extend(self.sku(at));
        }
        if let Some(place) = self.outcomes.get_mut(at) {
            *place = Some(outcome);
        }
    }

    /// The sink went away in the middle: of what came after the first unknown event nothing is told.
    pub fn down(self, mut down: Down) -> Down {
        down.decided = self.outcomes.into_iter().map_while(|outcome| outcome).collect();
        down
    }

    /// Where each event has been noted.
    pub fn finish(self) -> Vec<Outcome> {
        let all = self.events.len();
        let outcomes: Vec<Outcome> = self.outcomes.into_iter().flatten().collect();
        debug_assert_eq!(outcomes.len(), all, "an event was forgotten");
        outcomes
    }

    fn sku(&self, at: usize) -> Option<&'a str> {
        self.events.get(at).and_then(|event| event.sku.as_deref())
    }
}
