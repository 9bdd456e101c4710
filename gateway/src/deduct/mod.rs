//! When and with whom a command enters the engine: many requests meet in one statement.

pub mod batch;
pub mod breaker;
pub mod lease;
pub mod ledger;
pub mod work;
