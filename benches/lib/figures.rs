//! From calls to figures.

use std::ops::Range;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::load::Call;

/// The present moment as `pgbench` writes it down: microseconds since 1970.
pub fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// The latencies, sorted, of the calls that ended within a time.
pub fn latencies_us(calls: &[Call], within: &Range<u64>) -> Vec<u32> {
    let measured = calls.iter().filter(|call| within.contains(&call.ended_us));
    let mut latencies: Vec<u32> = measured.map(|call| call.latency_us).collect();
    latencies.sort_unstable();
    latencies
}

/// The smallest value that at least `percent` of 100 values do not exceed; the values are sorted and not none.
pub fn percentile_ms(sorted_us: &[u32], percent: usize) -> f64 {
    let rank = (sorted_us.len() * percent).div_ceil(100).max(1);
    f64::from(sorted_us[rank - 1]) / 1_000.0
}

pub fn seconds(within: &Range<u64>) -> f64 {
    within.end.saturating_sub(within.start) as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::{latencies_us, percentile_ms};
    use crate::load::Call;

    #[test]
    fn percentiles_are_values_that_occurred() {
        let values: Vec<u32> = (1..=200).map(|n| n * 1_000).collect();
        assert_eq!(percentile_ms(&values, 50), 100.0);
        assert_eq!(percentile_ms(&values, 99), 198.0);
        assert_eq!(percentile_ms(&[5_000], 99), 5.0);
    }

    #[test]
    fn a_call_counts_where_it_ends() {
        let call = |ended_us, latency_us| Call { script: 0, ended_us, latency_us };
        let calls = [call(100, 9), call(199, 3), call(200, 1)];
        assert_eq!(latencies_us(&calls, &(100..200)), [3, 9]);
    }
}
