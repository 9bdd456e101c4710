//! The duels: who meets whom, with how many clients, and what is asked of the outcome.

use clap::ValueEnum;
use inventory_benches::Bound;
use serde::Serialize;

/// SKUs named `SKU-000001` and on, beside the one called `HOT`; the frozen scripts draw from as many.
pub const SKUS: u32 = 10_000;
/// Units of each SKU at the start: more than any run can sell, so that no call is refused.
pub const OPENING_UNITS: u64 = 1_000_000_000;

/// One contender: a frozen script that `pgbench` runs, and the table that proves what it did.
#[derive(Debug)]
pub struct Side {
    pub name: &'static str,
    pub script: &'static str,
    /// Where its tables are.
    pub schema: &'static str,
    pub clients: u32,
    pub orders_per_call: u64,
    /// Counts the rows that the side's accepted orders have left so far.
    pub ledger: &'static str,
}

/// What is asked of a duel.
#[derive(Clone, Copy, Debug)]
pub enum Target {
    /// Accepted orders a second: ours over theirs.
    Rate(Bound),
    /// Our p99 over our own p50.
    Spread(Bound),
    /// Our p99 over theirs.
    P99(Bound),
}

#[derive(Debug)]
pub struct Opponent {
    pub side: Side,
    pub targets: Vec<Target>,
}

impl Opponent {
    fn new(side: Side, targets: impl Into<Vec<Target>>) -> Opponent {
        Opponent { side, targets: targets.into() }
    }
}

#[derive(Debug)]
pub struct Duel {
    pub name: &'static str,
    pub ours: Side,
    pub against: Vec<Opponent>,
}

impl Duel {
    /// Everybody, ours first.
    pub fn sides(&self) -> Vec<&Side> {
        std::iter::once(&self.ours)
            .chain(self.against.iter().map(|opponent| &opponent.side))
            .collect()
    }
}

/// In which condition the tables are when the measurement begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Variant {
    /// Just loaded and analyzed.
    Fresh,
    /// Loaded, without statistics, and autovacuum kept away.
    NeverAnalyzed,
    /// A hundred dead versions of every stock row, and autovacuum kept away.
    Bloated,
}

impl Variant {
    pub fn name(self) -> &'static str {
        match self {
            Variant::Fresh => "fresh",
            Variant::NeverAnalyzed => "never-analyzed",
            Variant::Bloated => "bloated",
        }
    }
}

const NAIVE_LEDGER: &str = "SELECT count(*) FROM naive.audit";
const PLPGSQL_LEDGER: &str = "SELECT count(*) FROM plain.journal";
const OUR_LEDGER: &str =
    "SELECT count(*) FROM inventory.journal WHERE event_type = 'STOCK_DEDUCTED'";

fn naive(script: &'static str, clients: u32) -> Side {
    let (name, schema, ledger) = ("naive", "naive", NAIVE_LEDGER);
    Side { name, script, schema, clients, orders_per_call: 1, ledger }
}

fn plpgsql(script: &'static str, clients: u32) -> Side {
    let (name, schema, ledger) = ("plpgsql", "plain", PLPGSQL_LEDGER);
    Side { name, script, schema, clients, orders_per_call: 1, ledger }
}

fn ours(name: &'static str, script: &'static str, clients: u32) -> Side {
    let (schema, ledger) = ("inventory", OUR_LEDGER);
    Side { name, script, schema, clients, orders_per_call: 1, ledger }
}

pub fn duels() -> Vec<Duel> {
    let deduct_uniform = || ours("deduct", include_str!("../ours/deduct_uniform.sql"), 32);
    let naive_hot = || naive(include_str!("../baselines/naive_hot.sql"), 128);
    let naive_uniform = naive(include_str!("../baselines/naive_uniform.sql"), 32);
    let plpgsql_uniform = plpgsql(include_str!("../baselines/plpgsql_uniform.sql"), 32);
    let deduct_many = ours("deduct_many", include_str!("../ours/deduct_many_hot.sql"), 2);
    let at_least = |times| Target::Rate(Bound::AtLeast(times));
    vec![
        Duel {
            name: "sql_hot",
            ours: ours("deduct_now", include_str!("../ours/deduct_now_hot.sql"), 128),
            against: vec![Opponent::new(
                naive_hot(),
                [
                    at_least(20.0),
                    Target::Spread(Bound::AtMost(3.0)),
                    Target::P99(Bound::AtMost(0.1)),
                ],
            )],
        },
        Duel {
            name: "sql_hot_tx",
            ours: ours("deduct", include_str!("../ours/deduct_hot.sql"), 128),
            against: vec![Opponent::new(naive_hot(), [])],
        },
        Duel {
            name: "sql_uniform",
            ours: deduct_uniform(),
            against: vec![
                Opponent::new(naive_uniform, [at_least(1.5)]),
                Opponent::new(plpgsql_uniform, [at_least(0.95)]),
            ],
        },
        Duel {
            name: "sql_batch",
            ours: Side { orders_per_call: 1_000, ..deduct_many },
            against: vec![Opponent::new(naive_hot(), [at_least(100.0)])],
        },
        // Group commit must cost nothing where no two calls meet: fairness, within our own house.
        Duel {
            name: "sql_spread",
            ours: ours("deduct_now", include_str!("../ours/deduct_now_uniform.sql"), 32),
            against: vec![Opponent::new(deduct_uniform(), [at_least(0.9)])],
        },
    ]
}
