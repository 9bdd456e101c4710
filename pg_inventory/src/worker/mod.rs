//! The background worker: a launcher that lives as long as the server, and for each database a short
//! visit, again and again, that does what upkeep is due.
//!
//! Visits are short so that nobody is in a database's way: whoever is about to drop or copy it waits for
//! a pass of one job at most. A new visit costs some milliseconds, once every
//! `pg_inventory.upkeep_interval`. (Autovacuum does it the same way.)

mod board;
mod launcher;
mod visit;

pub use board::{Board, Found, Status, Visit, status};
pub use launcher::run as launch;
pub use visit::run as visit;

use crate::pg::{process, region, shared};

/// The version of the SQL that goes with this library.
fn sql_version() -> &'static str {
    let control = include_str!("../../../sql/pg_inventory.control");
    let rest = control.split_once("default_version = '").map_or("", |(_, rest)| rest);
    rest.split_once('\'').map_or("", |(version, _)| version)
}

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
