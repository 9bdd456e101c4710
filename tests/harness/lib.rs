//! What every outside test stands on: private servers of each PostgreSQL under test, a fresh
//! database a test, sessions as the people of a shop, and runs of several sessions at once.
//!
//! `servers` starts and stops clusters · `database` makes databases and opens sessions · `session`
//! runs SQL and shows its answers as text · `run` is the main of every test file · `commands`
//! runs the programs around (the `inventory` binary, `pg_dump`, …) · `pooler`
//! starts a pgbouncer, `redis` a Redis · `dice` throws the same dice every time · `isolation` plays specs of sessions
//! that meet, with the names that `mask` gives · `clock` lets time pass.

pub mod clock;
pub mod commands;
pub mod database;
pub mod dice;
pub mod isolation;
pub mod mask;
pub mod pooler;
pub mod redis;
pub mod run;
pub mod servers;
pub mod session;

pub use database::{Database, User};
pub use dice::Dice;
pub use pooler::Pooler;
pub use redis::Redis;
pub use run::{Verdict, skipped};
pub use servers::{Pg, Server};
pub use session::{Refused, Session};

/// How hard to try: `INVENTORY_SOAK=1` runs the long forms that the promises name.
pub fn soak() -> bool {
    std::env::var("INVENTORY_SOAK").is_ok_and(|v| !v.is_empty() && v != "0")
}
