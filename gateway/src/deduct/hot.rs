//! Which places are hot at this gateway: counted a second, judged by the rule that the database uses too.

use inventory_core::command::Place;
use inventory_core::heat::{Heat, Line, State, next};
use inventory_core::time::Moment;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError, RwLock};
use std::time::Instant;

/// Places counted within a second; more wait for the next one.
const COUNTED_MAX: usize = 100_000;
/// Places that are hot at once: more are no few that everybody wants.
const HOT_MAX: usize = 100;
const MICROS: f64 = 1e6;

pub struct Hot {
    line: Line,
    began: Instant,
    counts: Mutex<HashMap<Place, u32>>,
    judged: RwLock<HashMap<Place, State>>,
    at: Mutex<Instant>,
}

impl Hot {
    /// From `rate` commands a second on a place is hot.
    pub fn new(rate: u32) -> Hot {
        let now = Instant::now();
        Hot {
            // Waits are the database's to see.
            line: Line { commands: f64::from(rate.max(1)), waits: f64::INFINITY },
            began: now,
            counts: Mutex::default(),
            judged: RwLock::default(),
            at: Mutex::new(now),
        }
    }

    pub fn note(&self, place: &Place) {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(place) {
            *count = count.saturating_add(1);
        } else if counts.len() < COUNTED_MAX {
            counts.insert(place.clone(), 1);
        }
    }

    pub fn is(&self, place: &Place) -> bool {
        self.judged.read().unwrap_or_else(PoisonError::into_inner).contains_key(place)
    }

    /// Judges what was counted since the last time: to be called about every second. Those that are hot
    /// now, and those that are not any more.
    pub fn judge(&self) -> (Vec<Place>, Vec<Place>) {
        let now = Instant::now();
        let passed = {
            let mut at = self.at.lock().unwrap_or_else(PoisonError::into_inner);
            now.duration_since(std::mem::replace(&mut *at, now)).as_secs_f64().max(0.001)
        };
        let counts =
            std::mem::take(&mut *self.counts.lock().unwrap_or_else(PoisonError::into_inner));
        let moment = Moment((now.duration_since(self.began).as_secs_f64() * MICROS) as i64);
        let mut judged = self.judged.write().unwrap_or_else(PoisonError::into_inner);
        let rate = |place: &Place| f64::from(counts.get(place).copied().unwrap_or(0)) / passed;
        let judge = |state, place: &Place| {
            next(state, Heat { commands: rate(place), waits: 0.0 }, self.line, moment)
        };
        let mut cold = Vec::new();
        judged.retain(|place, state| {
            *state = judge(*state, place);
            if *state == State::Cold {
                cold.push(place.clone());
            }
            *state != State::Cold
        });
        let mut fresh = Vec::new();
        for place in counts.keys() {
            if judged.len() >= HOT_MAX {
                break;
            }
            if !judged.contains_key(place) && judge(State::Cold, place) != State::Cold {
                judged.insert(place.clone(), State::Hot);
                fresh.push(place.clone());
            }
        }
        (fresh, cold)
    }

    pub fn count(&self) -> usize {
        self.judged.read().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inventory_core::command::WarehouseId;
    use inventory_core::text::Label;

    #[test]
    fn a_place_is_hot_at_the_line_and_not_below() {
        let place = |sku| Place {
            sku: Label::fixed(sku),
            warehouse_id: WarehouseId::used("warehouse_id", Some(1)).unwrap(),
        };
        let hot = Hot::new(1_000);
        std::thread::sleep(std::time::Duration::from_millis(10));
        (0..1_000).for_each(|_| hot.note(&place("A")));
        hot.note(&place("B"));
        assert_eq!(hot.judge(), (vec![place("A")], vec![]));
        assert!(hot.is(&place("A")) && !hot.is(&place("B")));
        assert_eq!(hot.judge(), (vec![], vec![]), "it cools slowly");
        assert!(hot.is(&place("A")));
    }
}
