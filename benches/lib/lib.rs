//! What every runner stands on: a server to measure on, a database of its own for each measurement,
//! loads that `pgbench` drives, figures, what is asked of them, and how they are reported.
//!
//! `venue` finds or starts the server · `server` talks to it, `session` without
//! hanging up · `database` makes one with the extension
//! and the callers · `load` lets clients run a script, `http` send
//! requests · `service` runs the gateway and whoever else answers · `figures` sums up what they saw · `target` says
//! what is asked · `report` writes it down · `progress` shows how far it is · `machine` says what the
//! figures were taken on.

pub mod database;
pub mod error;
pub mod figures;
pub mod http;
pub mod load;
pub mod machine;
pub mod progress;
pub mod report;
pub mod server;
pub mod service;
pub mod session;
pub mod target;
pub mod venue;

pub use database::{CALLER, Database, KEEPER};
pub use error::{Error, Result};
pub use load::{Call, Calls, Load, Running};
pub use progress::Progress;
pub use server::Server;
pub use service::Service;
pub use session::Session;
pub use target::{Bound, Check};
