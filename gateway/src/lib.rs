//! The `inventory` command and the REST gateway. Thin on purpose: it decides when and with
//! whom a command enters the engine inside PostgreSQL, never whether it is allowed.
//!
//! `traces` tells a collector what was done for whom.
//!
//! `check` compares every copy of the stock with what the database knows.
//!
//! `shadow` feeds another inventory with a part of what happens here.
//!
//! `client` talks to another gateway the way `store` talks to the database.
//!
//! `relay` tells sinks what the journal says.
//! `console` gives browsers the pages that people look at all this with.
//!
//! `serve` builds and runs the service: `http` is what it says, `deduct` how many requests meet in one
//! statement, `events` how many hear of what happened, `saga` orders of several steps. `cli` reads arguments
//! and prints · `store` is the only place that talks SQL · `replay` sends
//! movements through it in large batches · `retail` and `sample` make those movements, from a file
//! and from nothing · `cluster` makes and runs a private PostgreSQL · `error` knows the exit codes.

pub mod check;
pub mod cli;
pub mod client;
pub mod cluster;
pub mod console;
pub mod deduct;
pub mod error;
pub mod events;
pub mod http;
pub mod relay;
pub mod replay;
pub mod retail;
pub mod saga;
pub mod sample;
pub mod serve;
pub mod shadow;
pub mod store;
pub mod traces;
