//! What a measurement found.

use std::ops::Range;

use inventory_benches::figures::{latencies_us, percentile_ms, seconds};
use inventory_benches::report::Entry;
use inventory_benches::{Call, Check, Error, Result};
use serde::Serialize;

/// An entry of `strain.json`.
#[derive(Debug, Serialize)]
pub struct Outcome {
    pub name: &'static str,
    pub sides: Vec<Side>,
    pub notes: Vec<Note>,
    pub checks: Vec<Check>,
}

impl Outcome {
    pub fn new(name: &'static str) -> Outcome {
        Outcome { name, sides: Vec::new(), notes: Vec::new(), checks: Vec::new() }
    }

    pub fn note(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.notes.push(Note { what: what.into(), value, unit });
    }

    pub fn side(&mut self, what: impl Into<String>, clients: u32, seen: &Seen) -> Result<Side> {
        let side = Side::new(what.into(), clients, seen)?;
        self.sides.push(side.clone());
        Ok(side)
    }
}

impl Entry for Outcome {
    fn title(&self) -> String {
        self.name.to_owned()
    }

    fn checks(&self) -> &[Check] {
        &self.checks
    }
}

/// A figure that is no rate and no latency.
#[derive(Debug, Serialize)]
pub struct Note {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
}

/// A load as its clients saw it.
#[derive(Clone, Debug, Serialize)]
pub struct Side {
    pub what: String,
    pub clients: u32,
    pub seconds: f64,
    /// A call that is refused or fails ends the measurement: all of these were accepted.
    pub calls_per_second: f64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

impl Side {
    fn new(what: String, clients: u32, seen: &Seen) -> Result<Side> {
        let mut sorted = seen.latencies_us.clone();
        sorted.sort_unstable();
        let Some(longest) = sorted.last() else { return Err(Error::Idle { load: what }) };
        Ok(Side {
            what,
            clients,
            seconds: seen.seconds,
            calls_per_second: sorted.len() as f64 / seen.seconds,
            p50_ms: percentile_ms(&sorted, 50),
            p99_ms: percentile_ms(&sorted, 99),
            max_ms: f64::from(*longest) / 1_000.0,
        })
    }
}

/// What was seen of a side so far, over all its slices.
#[derive(Default)]
pub struct Seen {
    latencies_us: Vec<u32>,
    seconds: f64,
}

impl Seen {
    pub fn of(calls: &[Call], within: &Range<u64>) -> Seen {
        let mut seen = Seen::default();
        seen.add(calls, within);
        seen
    }

    /// The calls that ended within a time.
    pub fn add(&mut self, calls: &[Call], within: &Range<u64>) {
        self.latencies_us.extend(latencies_us(calls, within));
        self.seconds += seconds(within);
    }
}
