//! Order numbers: a hybrid clock per warehouse, as 23 digits and as 64 bits.
//!
//! A warehouse keeps one counter whose value is `seconds since 1970 * 1,000,000 + n`. Each number
//! is the counter's next value; when that lies before the present second, the counter is first set
//! forward to it. So numbers rise although the clock steps back, and more than a million in one
//! second run on into the next second's. (The idea is the hybrid logical clock of Kulkarni et al.,
//! "Logical Physical Clocks", 2014, with one counter for all.)

use crate::Refusal;
use crate::time::{Moment, civil, days_from_civil};

const PER_SECOND: i64 = 1_000_000;
const WAREHOUSES: i64 = 1_000;
/// The last counter value whose 64-bit form fits: the year 2262.
const COUNTER_MAX: i64 = i64::MAX / WAREHOUSES - PER_SECOND;

/// Whether a value drawn from the counter is no earlier than the present second, and may be given.
pub fn is_current(counter: i64, now: Moment) -> bool {
    counter >= second_start(now)
}

/// Where to set a counter that lags behind the clock, so that its next value is the present
/// second's first. Refused only when the counter has come to its end, in the year 2262.
pub fn set_forward(now: Moment) -> Result<i64, Refusal> {
    let target = second_start(now) - 1;
    if !(1..=COUNTER_MAX).contains(&target) {
        return Err(Refusal::invalid("the clock shows a time that order numbers cannot express"));
    }
    Ok(target)
}

fn second_start(now: Moment) -> i64 {
    now.unix_seconds().saturating_mul(PER_SECOND)
}

/// An order number. Numbers of one warehouse rise; both forms order the same way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OrderNumber(i64);

impl OrderNumber {
    /// From a warehouse's counter value.
    pub fn from_counter(counter: i64, warehouse_id: i32) -> OrderNumber {
        let (second, n) = (counter / PER_SECOND, counter % PER_SECOND);
        OrderNumber((second * WAREHOUSES + i64::from(warehouse_id)) * PER_SECOND + n)
    }

    pub fn from_id(id: i64) -> OrderNumber {
        OrderNumber(id)
    }

    /// The 64-bit form: seconds since 1970, 3 digits of warehouse, 6 of sequence.
    pub fn id(self) -> i64 {
        self.0
    }

    /// The text form: `yyyymmddHHMMSS` (UTC), 3 digits of warehouse, 6 of sequence.
    pub fn text(self) -> String {
        let (rest, n) = (self.0 / PER_SECOND, self.0 % PER_SECOND);
        let (second, warehouse) = (rest / WAREHOUSES, rest % WAREHOUSES);
        let (day, time) = (second.div_euclid(86_400), second.rem_euclid(86_400));
        let (year, month, dom) = civil(day);
        let (h, m, s) = (time / 3_600, time / 60 % 60, time % 60);
        format!("{year:04}{month:02}{dom:02}{h:02}{m:02}{s:02}{warehouse:03}{n:06}")
    }

    /// The counter value and warehouse behind the text form; nothing when it is none.
    pub fn parse(text: &str) -> Option<OrderNumber> {
        if text.len() != 23 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let part = |from: usize, to: usize| text[from..to].parse::<i64>().ok();
        let day = days_from_civil(part(0, 4)?, part(4, 6)?, part(6, 8)?);
        let second = day * 86_400 + part(8, 10)? * 3_600 + part(10, 12)? * 60 + part(12, 14)?;
        let id = second
            .checked_mul(WAREHOUSES)?
            .checked_add(part(14, 17)?)?
            .checked_mul(PER_SECOND)?
            .checked_add(part(17, 23)?)?;
        // Digits that name no day or time come back as others.
        Some(OrderNumber(id)).filter(|n| n.text() == text)
    }

    pub fn warehouse_id(self) -> i32 {
        (self.0 / PER_SECOND % WAREHOUSES) as i32
    }

    /// The warehouse's counter value this number was made of.
    pub fn counter(self) -> i64 {
        self.0 / PER_SECOND / WAREHOUSES * PER_SECOND + self.0 % PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2024-05-20 12:30:01 UTC.
    const SECOND: i64 = 1_716_208_201;

    #[test]
    fn the_text_form_is_the_one_in_the_contract() {
        let n = OrderNumber::from_counter(SECOND * PER_SECOND + 1, 1);
        assert_eq!(n.text(), "20240520123001001000001");
        assert_eq!(OrderNumber::parse(&n.text()), Some(n));
    }

    #[test]
    fn what_is_no_number_is_not_parsed() {
        for bad in ["", "20240520123001001", "2024-520123001001000001", "20240231123001001000001"] {
            assert_eq!(OrderNumber::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_clock_that_steps_back_does_not_lower_the_counter() {
        let now = Moment(0);
        let first = set_forward(now).unwrap() + 1;
        assert_eq!(first, now.unix_seconds() * PER_SECOND);
        assert!(!is_current(first - 1, now));
        assert!(is_current(first + 42, now));
        assert!(is_current(first + 42, Moment(-3_600_000_000)));
    }

    #[test]
    fn more_than_a_million_in_a_second_run_on_into_the_next() {
        let last = SECOND * PER_SECOND + PER_SECOND - 1;
        let n = OrderNumber::from_counter(last + 1, 7);
        assert_eq!(n.text(), "20240520123002007000000");
    }

    #[test]
    fn a_clock_beyond_the_numbers_is_refused() {
        assert!(set_forward(Moment(i64::MAX)).is_err());
        assert!(set_forward(Moment(i64::MIN)).is_err());
    }

    proptest! {
        #[test]
        fn both_forms_order_the_same_way(a in 0i64..4_102_444_800_000_000, b in 0i64..4_102_444_800_000_000, w in 1i32..1000) {
            let (x, y) = (OrderNumber::from_counter(a, w), OrderNumber::from_counter(b, w));
            prop_assert_eq!(a.cmp(&b), x.id().cmp(&y.id()));
            prop_assert_eq!(a.cmp(&b), x.text().cmp(&y.text()));
            prop_assert_eq!(OrderNumber::parse(&x.text()), Some(x));
            prop_assert_eq!((x.counter(), x.warehouse_id()), (a, w));
        }
    }
}
