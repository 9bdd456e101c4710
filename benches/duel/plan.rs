//! The duels: who meets whom, with how many clients, and what is asked of the outcome.

use clap::ValueEnum;
use inventory_benches::Bound;
use inventory_benches::http::Request;
use serde::Serialize;

use crate::services::Answerer;

/// SKUs named `SKU-000001` and on, beside the one called `HOT`; the frozen scripts draw from as many.
pub const SKUS: u32 = 10_000;
/// Units of each SKU at the start: more than any run can sell, so that no call is refused.
pub const OPENING_UNITS: u64 = 1_000_000_000;

/// One contender, and the table that proves what it did.
#[derive(Debug)]
pub struct Side {
    pub name: &'static str,
    pub way: Way,
    /// Where its tables are; empty for one without.
    pub schema: &'static str,
    pub clients: u32,
    pub orders_per_call: u64,
    /// Counts the rows that the side's accepted orders have left so far.
    pub ledger: &'static str,
}

impl Side {
    /// Whether its accepted orders can be counted in the database.
    pub fn leaves_rows(&self) -> bool {
        self.ledger != NO_LEDGER
    }
}

/// How a side is called.
#[derive(Debug)]
pub enum Way {
    /// By `pgbench`, with a frozen script.
    Script(&'static str),
    Http(Answerer, Request),
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
    /// Our p99 itself, in milliseconds.
    Within(Bound),
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
    /// Whom its sides call.
    pub fn services(&self) -> Vec<Answerer> {
        let mut services = Vec::new();
        for side in self.sides() {
            if let Way::Http(answerer, _) = &side.way
                && !services.contains(answerer)
            {
                services.push(*answerer);
            }
        }
        services
    }

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
    Side { name, way: Way::Script(script), schema, clients, orders_per_call: 1, ledger }
}

fn plpgsql(script: &'static str, clients: u32) -> Side {
    let (name, schema, ledger) = ("plpgsql", "plain", PLPGSQL_LEDGER);
    Side { name, way: Way::Script(script), schema, clients, orders_per_call: 1, ledger }
}

fn ours(name: &'static str, script: &'static str, clients: u32) -> Side {
    let (schema, ledger) = ("inventory", OUR_LEDGER);
    Side { name, way: Way::Script(script), schema, clients, orders_per_call: 1, ledger }
}

/// Leaves no rows, or none that are counted.
const NO_LEDGER: &str = "SELECT 0";

const DEDUCT_HOT: Request = deduct(r#"{"sku":"HOT","quantity":1}"#, 201);
const DEDUCT_UNIFORM: Request = deduct(r#"{"sku":"SKU-{number}","quantity":1}"#, 201);
/// A product that nothing was ever received of.
const DEDUCT_SOLD_OUT: Request = deduct(r#"{"sku":"SOLD-OUT","quantity":1}"#, 400);
const HEALTH: Request = Request { method: "GET", path: "/healthz", body: None, status: 200 };

const fn deduct(body: &'static str, status: u16) -> Request {
    Request { method: "POST", path: "/v1/deductions", body: Some(body), status }
}

fn gateway(name: &'static str, answerer: Answerer, request: Request) -> Side {
    let accepts = request.status == 201;
    let (schema, ledger) = if accepts { ("inventory", OUR_LEDGER) } else { ("", NO_LEDGER) };
    Side {
        name,
        way: Way::Http(answerer, request),
        schema,
        clients: 256,
        orders_per_call: 1,
        ledger,
    }
}

/// Takes the same request, and knows one answer to all.
fn bare(request: Request) -> Side {
    let way = Way::Http(Answerer::Bare, Request { status: 200, ..request });
    Side { name: "bare axum", way, schema: "", clients: 256, orders_per_call: 1, ledger: NO_LEDGER }
}

fn http_duels(naive_hot: Side) -> Vec<Duel> {
    let at_least = |times| Target::Rate(Bound::AtLeast(times));
    let duel = |name, ours: Side, request, targets: Vec<Target>| Duel {
        name,
        ours,
        against: vec![Opponent::new(bare(request), targets)],
    };
    let within = Target::Within(Bound::AtMost(20.0));
    let mut hot = duel(
        "http_hot",
        gateway("gateway", Answerer::Gateway, DEDUCT_HOT),
        DEDUCT_HOT,
        vec![at_least(0.3), within],
    );
    hot.against.push(Opponent::new(naive_hot, [at_least(15.0)]));
    vec![
        hot,
        duel(
            "http_uniform",
            gateway("gateway", Answerer::Gateway, DEDUCT_UNIFORM),
            DEDUCT_UNIFORM,
            vec![at_least(0.2)],
        ),
        duel(
            "http_sold_out",
            gateway("gateway", Answerer::Gateway, DEDUCT_SOLD_OUT),
            DEDUCT_SOLD_OUT,
            vec![at_least(0.3)],
        ),
        duel(
            "http_sold_out_redis",
            gateway("gateway, Redis", Answerer::Guarded, DEDUCT_SOLD_OUT),
            DEDUCT_SOLD_OUT,
            vec![at_least(0.45)],
        ),
        duel(
            "http_health",
            gateway("gateway", Answerer::Gateway, HEALTH),
            HEALTH,
            vec![at_least(0.8)],
        ),
    ]
}

pub fn duels() -> Vec<Duel> {
    let deduct_uniform = || ours("deduct", include_str!("../ours/deduct_uniform.sql"), 32);
    let naive_hot = || naive(include_str!("../baselines/naive_hot.sql"), 128);
    let naive_uniform = naive(include_str!("../baselines/naive_uniform.sql"), 32);
    let plpgsql_uniform = plpgsql(include_str!("../baselines/plpgsql_uniform.sql"), 32);
    let deduct_many = ours("deduct_many", include_str!("../ours/deduct_many_hot.sql"), 2);
    let at_least = |times| Target::Rate(Bound::AtLeast(times));
    let mut duels = vec![
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
    ];
    duels.extend(http_duels(naive_hot()));
    duels
}
