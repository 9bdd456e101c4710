//! From slices to figures.

use inventory_benches::Check;
use inventory_benches::figures::percentile_ms;
use inventory_benches::report::Entry;
use serde::Serialize;

use crate::plan::{Duel, Opponent, Side, Target, Variant};
use crate::slice::Slice;

/// A side over all its slices.
#[derive(Clone, Debug, Serialize)]
pub struct Score {
    pub side: &'static str,
    pub clients: u32,
    pub accepted_per_second: f64,
    /// Orders that were refused; the goods suffice for all, so anything but none fails the run.
    pub refused: u64,
    /// Of a call, which for `deduct_many` is a thousand orders.
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub wal_bytes_per_accepted: f64,
    pub cpu_seconds_per_accepted: f64,
    pub measured_seconds: u32,
    #[serde(skip)]
    pub accepted_per_slice: Vec<u64>,
}

impl Score {
    pub fn sum(side: &Side, slices: &[Slice], measured_seconds: u32) -> Score {
        let accepted: u64 = slices.iter().map(|slice| slice.accepted).sum();
        let with_warm_up =
            slices.iter().map(|slice| slice.accepted_with_warm_up).sum::<u64>() as f64;
        let mut latencies_us: Vec<u32> =
            slices.iter().flat_map(|slice| &slice.latencies_us).copied().collect();
        latencies_us.sort_unstable();
        let seconds = measured_seconds * slices.len() as u32;
        Score {
            side: side.name,
            clients: side.clients,
            accepted_per_second: accepted as f64 / f64::from(seconds),
            refused: 0,
            p50_ms: percentile_ms(&latencies_us, 50),
            p99_ms: percentile_ms(&latencies_us, 99),
            wal_bytes_per_accepted: slices.iter().map(|slice| slice.wal_bytes).sum::<u64>() as f64
                / with_warm_up,
            cpu_seconds_per_accepted: slices.iter().map(|slice| slice.cpu_seconds).sum::<f64>()
                / with_warm_up,
            measured_seconds: seconds,
            accepted_per_slice: slices.iter().map(|slice| slice.accepted).collect(),
        }
    }
}

/// Ours against one opponent: an entry of `bench.json`.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    pub name: &'static str,
    pub variant: Variant,
    #[serde(flatten)]
    pub ours: Score,
    pub against: Score,
    /// Ours over theirs, in accepted orders a second.
    pub ratio: f64,
    /// The same of each pair of slices: how far the machine lets the ratio be trusted.
    pub ratio_per_slice: Vec<f64>,
    pub checks: Vec<Check>,
}

impl Outcome {
    /// One for each opponent; `theirs` in the order of the duel's opponents.
    pub fn compare(
        duel: &Duel,
        variant: Variant,
        ours: &Score,
        theirs: Vec<Score>,
    ) -> Vec<Outcome> {
        let outcome = |(opponent, against): (&Opponent, Score)| {
            let ratio = ours.accepted_per_second / against.accepted_per_second;
            let pairs = ours.accepted_per_slice.iter().zip(&against.accepted_per_slice);
            let ratio_per_slice = pairs.map(|(our, their)| *our as f64 / *their as f64).collect();
            let checks =
                opponent.targets.iter().map(|target| target.check(ours, &against)).collect();
            let (name, ours) = (duel.name, ours.clone());
            Outcome { name, variant, ours, against, ratio, ratio_per_slice, checks }
        };
        duel.against.iter().zip(theirs).map(outcome).collect()
    }
}

impl Target {
    fn check(self, ours: &Score, theirs: &Score) -> Check {
        match self {
            Target::Rate(bound) => {
                let rates = ours.accepted_per_second / theirs.accepted_per_second;
                Check::new("rate", rates, bound)
            }
            Target::Spread(bound) => Check::new("own p99 / p50", ours.p99_ms / ours.p50_ms, bound),
            Target::Within(bound) => Check::new("p99 ms", ours.p99_ms, bound),
            Target::P99(bound) => Check::new("p99 / theirs", ours.p99_ms / theirs.p99_ms, bound),
        }
    }
}

impl Entry for Outcome {
    fn title(&self) -> String {
        format!("{} {} against {}", self.name, self.variant.name(), self.against.side)
    }

    fn checks(&self) -> &[Check] {
        &self.checks
    }
}
