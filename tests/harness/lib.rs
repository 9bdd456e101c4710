//! What every outside test stands on: private servers of each PostgreSQL under test, a fresh
//! database a test, sessions as the people of a shop, and runs of several sessions at once.
//!
//! `servers` starts and stops clusters · `database` makes databases and opens sessions · `session`
//! runs SQL and shows its answers as text · `run` is the main of every test file · `commands`
//! runs the programs around (the `inventory` binary, `pg_dump`, …) · `pooler`
//! starts a pgbouncer, `redis` a Redis, `prometheus` a Prometheus, `broker` what takes events (`kafka` too, where
//! it was compiled in), `receiver` a webhook's other end · `authority` vouches for servers · `dice` throws the same dice every time · `isolation` plays specs of sessions
//! that meet, with the names that `mask` gives · `clock` lets time pass · `release` brings old versions
//! back · `calls` names one call of each command · `trade` does a bit of everything · `chaos` kills
//! processes · `ledger` compares what clients were told with what is written · `seller` is such a client ·
//! `accounts` takes part in sagas, with faults · `service` runs `inventory serve` as people start it,
//! `gateway` as tests need it, `relay` runs `inventory relay`, `http` talks to the gateway, and a `listener`
//! hears what happens.

pub mod accounts;
pub mod authority;
pub mod broker;
pub mod calls;
pub mod chaos;
pub mod clock;
pub mod commands;
pub mod database;
pub mod dice;
pub mod gateway;
pub mod http;
pub mod isolation;
#[cfg(feature = "kafka")]
pub mod kafka;
pub mod ledger;
pub mod listener;
pub mod mask;
pub mod pooler;
pub mod prometheus;
pub mod receiver;
pub mod redis;
pub mod relay;
pub mod release;
pub mod run;
pub mod seller;
pub mod servers;
pub mod service;
pub mod session;
pub mod trade;

pub use accounts::Accounts;
pub use authority::Authority;
pub use broker::{Broker, Takes};
pub use database::{Database, User};
pub use dice::Dice;
pub use gateway::Gateway;
pub use http::{Client, Connection, Reply, Request};
#[cfg(feature = "kafka")]
pub use kafka::Kafka;
pub use listener::{Listener, Told, heard_all};
pub use pooler::Pooler;
pub use prometheus::Prometheus;
pub use receiver::Receiver;
pub use redis::Redis;
pub use relay::Relay;
pub use release::{Release, Under};
pub use run::{Verdict, skipped};
pub use seller::Seller;
pub use servers::{Pg, Server, kept, preloaded};
pub use service::Service;
pub use session::{Refused, Session};
pub use trade::Trade;

/// How hard to try: `INVENTORY_SOAK=1` runs the long forms that the promises name.
pub fn soak() -> bool {
    std::env::var("INVENTORY_SOAK").is_ok_and(|v| !v.is_empty() && v != "0")
}
