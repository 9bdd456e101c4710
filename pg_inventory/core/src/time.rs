//! Moments and days as PostgreSQL counts them, so that nothing is converted on the way.

/// A moment: microseconds since 2000-01-01 00:00 UTC, PostgreSQL's `timestamptz`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(pub i64);

/// A day: days since 2000-01-01, PostgreSQL's `date`. Its infinities are the ends of `i32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(pub i32);

impl Day {
    /// From `yyyy-mm-dd`; nothing when that names no day.
    pub fn parse(text: &str) -> Option<Day> {
        // The way back catches what only looks like a day.
        let part = |at: std::ops::Range<usize>| text.get(at)?.parse::<i64>().ok();
        let days = days_from_civil(part(0..4)?, part(5..7)?, part(8..10)?);
        let (y, m, d) = civil(days);
        let day = i32::try_from(days - UNIX_TO_2000 / 86_400).ok()?;
        (format!("{y:04}-{m:02}-{d:02}") == text).then_some(Day(day))
    }
}

/// Seconds from 1970-01-01 to 2000-01-01.
const UNIX_TO_2000: i64 = 946_684_800;
const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

impl Moment {
    pub fn unix_seconds(self) -> i64 {
        self.0.div_euclid(SECOND) + UNIX_TO_2000
    }

    pub fn unix_millis(self) -> i64 {
        self.0.div_euclid(1_000).saturating_add(UNIX_TO_2000 * 1_000)
    }

    /// This moment and so many microseconds.
    pub fn plus(self, micros: i64) -> Moment {
        Moment(self.0.saturating_add(micros))
    }

    /// The day in UTC.
    pub fn day(self) -> Day {
        // Within PostgreSQL's range of timestamps the quotient always fits.
        Day(i32::try_from(self.0.div_euclid(DAY)).unwrap_or(i32::MAX))
    }
}

/// Days since 1970-01-01 to (year, month, day). Source: Howard Hinnant, "chrono-Compatible
/// Low-Level Date Algorithms", `civil_from_days`.
pub(crate) fn civil(days: i64) -> (i64, i64, i64) {
    let z = days + 719_468;
    let era = z.div_euclid(146_097);
    let doe = z.rem_euclid(146_097);
    let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let day = doy - (153 * mp + 2) / 5 + 1;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + i64::from(month <= 2), month, day)
}

/// The way back; same source, `days_from_civil`.
pub(crate) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let y = year - i64::from(month <= 2);
    let era = y.div_euclid(400);
    let yoe = y.rem_euclid(400);
    let mp = (month + 9) % 12;
    let doy = (153 * mp + 2) / 5 + day - 1;
    let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    era * 146_097 + doe - 719_468
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

    #[test]
    fn a_day_is_read_as_it_is_written_and_nothing_else_is() {
        assert_eq!(Day::parse("2000-01-01"), Some(Day(0)));
        assert_eq!(Day::parse("2024-02-29"), Some(Day(8825)));
        for bad in [
            "2023-02-29",
            "2024-2-29",
            "2024-02-29 ",
            "2024/02/29",
            "",
            "+024-02-29",
            "99999-01-01",
        ] {
            assert_eq!(Day::parse(bad), None, "{bad}");
        }
    }
}
