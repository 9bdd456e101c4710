//! The ways of selling that the demo's race compares. All have one shape: so many units are put on
//! the shelf, customers order one unit each, and the shelf is looked at in the end.

mod engine;
mod lua;
mod scratch;

pub use engine::Engine;
pub use lua::{LUA, Lua, Redis};
pub use scratch::Scratch;

use crate::error::Result;
use futures::future::BoxFuture;

/// What every way sells.
const SKU: &str = "DEMO-TICKET";

pub trait Way: Send + Sync {
    fn name(&self) -> &'static str;

    /// From now on exactly so many units are there.
    fn fill(&self, units: i64) -> BoxFuture<'_, Result<()>>;

    /// One customer's order of one unit.
    fn order(&self) -> BoxFuture<'_, Result<Answer>>;

    /// The units that the shelf says are left.
    fn left(&self) -> BoxFuture<'_, Result<i64>>;
}

/// What a customer is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// With the order's number, where the way gives one.
    Sold(Option<String>),
    TurnedAway,
}

impl Answer {
    fn of(sold: bool) -> Answer {
        if sold { Answer::Sold(None) } else { Answer::TurnedAway }
    }
}
