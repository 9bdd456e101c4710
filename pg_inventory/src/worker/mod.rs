//! The background worker: a launcher that lives as long as the server, and for each database a short
//! visit, again and again, that does what upkeep is due.
//!
//! Visits are short so that nobody is in a database's way: `DROP DATABASE` and `CREATE DATABASE …
//! TEMPLATE` wait a few seconds for others to leave. A new one costs some milliseconds, once every
//! `pg_inventory.upkeep_interval`. (Autovacuum does it the same way.)

mod board;
mod launcher;
mod visit;

pub use board::{Board, Found, Status, status};
pub use launcher::run as launch;
pub use visit::run as visit;

use crate::pg::{process, region, shared};

/// Where the library is preloaded: the shared board and the launcher.
pub fn register() {
    if process::preloading() {
        shared::request();
        region::request();
        if !process::upgrading() {
            process::register_launcher();
        }
    }
}
