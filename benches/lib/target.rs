//! What is asked of a figure, as data.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    pub fn holds(self, value: f64) -> bool {
        match self {
            Bound::AtLeast(least) => value >= least,
            Bound::AtMost(most) => value <= most,
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Bound::AtLeast(least) => write!(f, "≥ {least}"),
            Bound::AtMost(most) => write!(f, "≤ {most}"),
        }
    }
}

/// A figure beside what is asked of it.
#[derive(Clone, Debug, Serialize)]
pub struct Check {
    pub what: String,
    pub value: f64,
    pub wanted: Bound,
    pub met: bool,
}

impl Check {
    /// What was not measured (no number) is not met.
    pub fn new(what: impl Into<String>, value: f64, wanted: Bound) -> Check {
        Check { what: what.into(), value, wanted, met: wanted.holds(value) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Bound, Check};

    #[test]
    fn a_bound_is_met_at_its_edge_and_never_by_what_is_no_number() {
        assert!(Bound::AtLeast(2.0).holds(2.0) && !Bound::AtLeast(2.0).holds(1.9));
        assert!(Bound::AtMost(2.0).holds(2.0) && !Bound::AtMost(2.0).holds(2.1));
        for wanted in [Bound::AtLeast(0.0), Bound::AtMost(0.0)] {
            assert!(!Check::new("nothing by nothing", f64::NAN, wanted).met);
        }
    }
}
