//! Spans of time as people write them: `90s`, `15m`, `12h`, `30d`, `4w`.

use std::time::Duration;

/// The longest that makes sense anywhere here: ten years.
const MOST: u64 = 10 * 366 * 86_400;

pub fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || "a number with s, m, h, d or w, as in 12h or 30d".to_owned();
    let unit = text.chars().last().ok_or_else(wrong)?;
    let each = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let number: u64 = text[..text.len() - 1].parse().map_err(|_| wrong())?;
    match number.checked_mul(each) {
        Some(seconds @ 1..=MOST) => Ok(Duration::from_secs(seconds)),
        _ => Err("more than nothing, at most ten years".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (text, seconds) in
            [("90s", 90), ("15m", 900), ("12h", 43_200), ("30d", 2_592_000), ("1w", 604_800)]
        {
            assert_eq!(parse(text), Ok(Duration::from_secs(seconds)));
        }
        for bad in
            ["", "d", "12", "1y", "-1h", "0s", "9999w", "1.5h", "99999999999999999999d", "1ü"]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
