//! Low stock: an event when a place crosses its product's threshold, and only then.

use crate::event::EventType;

/// What decides whether a place is low: units on hand over all lots, and the threshold, if any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    pub on_hand: i64,
    pub low_at: Option<i64>,
}

impl Mark {
    fn low(self) -> bool {
        self.low_at.is_some_and(|threshold| self.on_hand <= threshold)
    }
}

/// The event of a change from one mark to the next. `moved`: whether goods ever moved there before; a
/// place that gets its first goods was not low, it was not there.
pub fn crossing(before: Mark, after: Mark, moved: bool) -> Option<EventType> {
    match (before.low(), after.low()) {
        _ if !moved => None,
        (false, true) => Some(EventType::LowStock),
        (true, false) => Some(EventType::StockRecovered),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(on_hand: i64, low_at: Option<i64>) -> Mark {
        Mark { on_hand, low_at }
    }

    #[test]
    fn only_a_crossing_is_an_event() {
        let five = Some(5);
        assert_eq!(crossing(mark(6, five), mark(5, five), true), Some(EventType::LowStock));
        assert_eq!(crossing(mark(5, five), mark(6, five), true), Some(EventType::StockRecovered));
        assert_eq!(crossing(mark(5, five), mark(0, five), true), None);
        assert_eq!(crossing(mark(9, five), mark(6, five), true), None);
        assert_eq!(crossing(mark(9, None), mark(0, None), true), None);
    }

    #[test]
    fn another_threshold_crosses_too_and_a_first_receipt_does_not() {
        assert_eq!(crossing(mark(5, None), mark(5, Some(5)), true), Some(EventType::LowStock));
        assert_eq!(
            crossing(mark(5, Some(5)), mark(5, Some(4)), true),
            Some(EventType::StockRecovered)
        );
        assert_eq!(
            crossing(mark(5, Some(5)), mark(5, None), true),
            Some(EventType::StockRecovered)
        );
        assert_eq!(crossing(mark(0, Some(5)), mark(9, Some(5)), false), None);
    }
}
