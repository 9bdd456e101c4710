//! The duels: who meets whom, with how many clients, and what is asked of the outcome.

use clap::ValueEnum;
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

#[derive(Debug)]
pub struct Opponent {
    pub side: Side,
    /// Ours over theirs, in accepted orders a second.
    pub target: Option<f64>,
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
    Side {
        name: "naive",
        script,
        schema: "naive",
        clients,
        orders_per_call: 1,
        ledger: NAIVE_LEDGER,
    }
}

fn plpgsql(script: &'static str, clients: u32) -> Side {
    Side {
        name: "plpgsql",
        script,
        schema: "plain",
        clients,
        orders_per_call: 1,
        ledger: PLPGSQL_LEDGER,
    }
}

fn deduct(script: &'static str, clients: u32) -> Side {
    Side {
        name: "deduct",
        script,
        schema: "inventory",
        clients,
        orders_per_call: 1,
        ledger: OUR_LEDGER,
    }
}

fn deduct_many(script: &'static str, clients: u32) -> Side {
    Side {
        name: "deduct_many",
        script,
        schema: "inventory",
        clients,
        orders_per_call: 1_000,
        ledger: OUR_LEDGER,
    }
}

pub fn duels() -> Vec<Duel> {
    let naive_hot = include_str!("../baselines/naive_hot.sql");
    vec![
        Duel {
            name: "sql_hot_tx",
            ours: deduct(include_str!("../ours/deduct_hot.sql"), 128),
            against: vec![Opponent { side: naive(naive_hot, 128), target: None }],
        },
        Duel {
            name: "sql_uniform",
            ours: deduct(include_str!("../ours/deduct_uniform.sql"), 32),
            against: vec![
                Opponent {
                    side: naive(include_str!("../baselines/naive_uniform.sql"), 32),
                    target: Some(1.4),
                },
                Opponent {
                    side: plpgsql(include_str!("../baselines/plpgsql_uniform.sql"), 32),
                    target: Some(0.95),
                },
            ],
        },
        Duel {
            name: "sql_batch",
            ours: deduct_many(include_str!("../ours/deduct_many_hot.sql"), 2),
            against: vec![Opponent { side: naive(naive_hot, 128), target: Some(60.0) }],
        },
    ]
}
