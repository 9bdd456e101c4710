//! Places that PostgreSQL said were empty a moment ago: what cannot succeed need not be asked.
//!
//! Only a zero that it confirmed within the window refuses anything, so goods that come in by any way
//! sell again within that; and only requests that are no repeats of accepted ones (`repeats`).

use super::work::{Done, Kind, Work};
use crate::store::LineAnswer;
use inventory_core::Refusal;
use inventory_core::command::Place;
use inventory_core::refusal::Code;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

/// Places remembered; with more of them empty at once the rest is asked about.
const PLACES_MAX: usize = 10_000;

pub struct Zeros {
    window: Duration,
    /// When the question was put that was answered with nothing.
    seen: RwLock<HashMap<Place, Seen>>,
}

#[derive(Clone, Copy)]
struct Seen {
    asked: Instant,
    on_hand: Option<i64>,
    reserved: Option<i64>,
}

impl Zeros {
    /// A window of nothing remembers nothing.
    pub fn new(window: Duration) -> Zeros {
        Zeros { window, seen: RwLock::default() }
    }

    /// Where a deduction of one line without a lot takes its goods from.
    pub fn place(&self, work: &Work) -> Option<Place> {
        let [line] = work.lines.as_slice() else { return None };
        let plain = work.kind == Kind::Deduct && line.lot.is_none() && !self.window.is_zero();
        plain.then(|| line.place.clone())
    }

    /// The refusal that PostgreSQL would give, as long as its word is fresh.
    pub fn refuse(&self, work: &Work) -> Option<Done> {
        let place = self.place(work)?;
        let seen = self.seen.read().unwrap_or_else(PoisonError::into_inner);
        let seen = seen.get(&place).filter(|seen| seen.asked.elapsed() < self.window)?;
        let mut refused = Zeros::refusal(work.lines.first()?.quantity.units());
        for line in &mut refused.lines {
            (line.on_hand, line.reserved) = (seen.on_hand, seen.reserved);
        }
        Some(refused)
    }

    /// What PostgreSQL says of so many units where nothing is available.
    pub fn refusal(requested: i64) -> Done {
        let line = LineAnswer {
            code: Code::InsufficientStock.as_str().to_owned(),
            detail: Some(Refusal::insufficient(requested, 0).detail),
            order_no: None,
            reservation_id: None,
            expires_at: None,
            on_hand: None,
            reserved: None,
            available: Some(0),
            replayed: false,
        };
        Done { lines: vec![line] }
    }

    /// What the answer to a question put at `asked` says of its place; for how long it is empty by that. None
    /// where that is nothing new: of a crowd that is refused, one in a quarter of the window is enough.
    pub fn learn(&self, place: &Place, done: &Done, asked: Instant) -> Option<Duration> {
        let answer = done.first().filter(|answer| !answer.replayed)?;
        let refused = answer.code == Code::InsufficientStock.as_str();
        let empty = answer.available == Some(0) && (refused || answer.code == "ok");
        if !empty {
            self.forget(place);
            return None;
        }
        let known = self.seen.read().unwrap_or_else(PoisonError::into_inner).get(place).copied();
        if known.is_some_and(|known| asked.saturating_duration_since(known.asked) < self.window / 4)
        {
            return None;
        }
        let mut seen = self.seen.write().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= PLACES_MAX {
            let window = self.window;
            seen.retain(|_, seen| seen.asked.elapsed() < window);
        }
        if seen.len() < PLACES_MAX || seen.contains_key(place) {
            let (on_hand, reserved) = (answer.on_hand, answer.reserved);
            seen.insert(place.clone(), Seen { asked, on_hand, reserved });
        }
        self.window.checked_sub(asked.elapsed())
    }

    /// Goods came in.
    pub fn forget(&self, place: &Place) {
        let known = self.seen.read().unwrap_or_else(PoisonError::into_inner).contains_key(place);
        if known {
            self.seen.write().unwrap_or_else(PoisonError::into_inner).remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use inventory_core::command::{Line, Quantity, WarehouseId};
    use inventory_core::text::Label;
    use uuid::Uuid;

    fn work(units: i64) -> Work {
        let warehouse_id = WarehouseId::used("warehouse_id", Some(1)).unwrap();
        let line = Line {
            place: Place { sku: Label::fixed("A"), warehouse_id },
            lot: None,
            quantity: Quantity::new(Some(units)).unwrap(),
            reason: Label::fixed("sale"),
        };
        Work {
            kind: Kind::Deduct,
            request_id: Uuid::new_v4(),
            lines: vec![line],
            operator: "test".into(),
            trace_id: String::new(),
        }
    }

    fn answer(code: &str, available: i64) -> Done {
        let refused = Zeros::new(Duration::from_secs(60));
        refused.seen.write().unwrap().insert(
            work(1).lines[0].place.clone(),
            Seen { asked: Instant::now(), on_hand: Some(available), reserved: Some(0) },
        );
        let mut done = refused.refuse(&work(1)).unwrap();
        done.lines[0].code = code.to_owned();
        done.lines[0].available = Some(available);
        done
    }

    #[test]
    fn only_a_fresh_zero_refuses() {
        let zeros = Zeros::new(Duration::from_millis(50));
        let place = zeros.place(&work(1)).unwrap();
        assert!(zeros.refuse(&work(1)).is_none());
        zeros.learn(&place, &answer("insufficient_stock", 3), Instant::now());
        assert!(zeros.refuse(&work(10)).is_none(), "three are there for somebody else");
        zeros.learn(&place, &answer("insufficient_stock", 0), Instant::now());
        let refused = zeros.refuse(&work(10)).unwrap();
        assert_eq!(refused.lines[0].detail.as_deref(), Some("requested 10 units, available: 0"));
        zeros.forget(&place);
        assert!(zeros.refuse(&work(1)).is_none());
        zeros.learn(&place, &answer("ok", 0), Instant::now());
        assert!(zeros.refuse(&work(1)).is_some());
        assert_eq!(zeros.learn(&place, &answer("ok", 0), Instant::now()), None, "nothing new");
        zeros.forget(&place);
        zeros.learn(&place, &answer("ok", 0), Instant::now() - Duration::from_millis(60));
        assert!(zeros.refuse(&work(1)).is_none(), "asked too long ago");
    }
}
