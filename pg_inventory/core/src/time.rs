//! Moments and days as PostgreSQL counts them, so that nothing is converted on the way.

/// A moment: microseconds since 2000-01-01 00:00 UTC, PostgreSQL's `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// A day: days since 2000-01-01, PostgreSQL's `date`. Its infinities are the ends of `i32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

/// Seconds from 1970-01-01 to 2000-01-01.
const UNIX_TO_2000: i64 = 946_684_800;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Moment {
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(SECOND) + UNIX_TO_2000
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        // Within PostgreSQL's range of timestamps the quotient always fits.
        Day(i32::try_from(self.0.div_euclid(DAY)).unwrap_or(i32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_before_2000_lies_in_the_day_before() {
        assert_eq!(Moment(-1).day(), Day(-1));
        assert_eq!(Moment(0).day(), Day(0));
        assert_eq!(Moment(-1).unix_seconds(), UNIX_TO_2000 - 1);
    }
}
