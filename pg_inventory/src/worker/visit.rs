//! A visit: what upkeep is due in one database, in short transactions.

use super::board::{self, Found};
use crate::pg::spi::{Args, Spi};
use crate::pg::{lock, process, server, spi};
use crate::session::{self, LAYOUT};
use crate::upkeep::{Done, JOBS, Job};
use pgrx::pg_sys::{Oid, TEXTOID};
use std::time::{Duration, Instant};

/// How long a visit lasts, but for the pass it is at.
const LASTS: Duration = Duration::from_secs(2);
/// The longest rest between two passes.
const REST: Duration = Duration::from_millis(500);

/// The process: what it finds is the last it tells.
pub fn run(database: u32) {
    process::be_visitor(database);
    let (found, other_version) = visit();
    board::note(database, found, other_version, server::now());
}

fn visit() -> (Found, bool) {
    let extension = || spi::connect(Extension::look);
    match process::transaction("look for the extension", None, extension) {
        None => (Found::Failed, false),
        Some(None) => (Found::NoTables, false),
        Some(Some(extension)) => (extension.visit(), extension.other_version),
    }
}

/// The extension in a database.
struct Extension {
    other_version: bool,
    tables: bool,
    /// Who owns the tables; nothing where some are of somebody who is neither that nor a superuser.
    owner: Option<Oid>,
}

impl Extension {
    /// Reads nothing but PostgreSQL's own catalogue: anybody may have made a schema of this name.
    fn look(spi: &Spi) -> Option<Extension> {
        let rows = spi.once(
            "SELECT e.extversion <> $1, i.oid IS NOT NULL,
                    CASE WHEN NOT EXISTS (
                         SELECT FROM pg_catalog.pg_class AS c
                           JOIN pg_catalog.pg_roles AS r ON r.oid = c.relowner
                          WHERE c.relnamespace = e.extnamespace AND c.relkind IN ('r', 'p', 'S')
                            AND c.relowner <> i.relowner AND NOT r.rolsuper) THEN i.relowner END
               FROM pg_catalog.pg_extension AS e
               LEFT JOIN pg_catalog.pg_class AS i
                 ON i.relnamespace = e.extnamespace AND i.relname = 'installation' AND i.relkind = 'r'
              WHERE e.extname = 'pg_inventory'",
            &[TEXTOID],
            &Args::new().text(super::sql_version()),
        );
        rows.first().map(|row| Extension {
            other_version: row.bool(1),
            tables: row.bool(2),
            owner: row.oid(3),
        })
    }

    fn visit(&self) -> Found {
        match self.owner {
            _ if !self.tables => Found::NoTables,
            None => Found::OtherOwners,
            Some(owner) => work_as(owner),
        }
    }
}

/// Does what is due, with no more rights than those of the tables' owner.
fn work_as(owner: Oid) -> Found {
    let layout = || spi::connect(session::stored_layout);
    match process::transaction("look at the tables", Some(owner), layout) {
        None => Found::Failed,
        Some(None) => Found::NoTables,
        Some(Some(LAYOUT)) => rounds(owner),
        Some(Some(other)) => Found::OtherLayout(other),
    }
}

fn rounds(owner: Oid) -> Found {
    let begun = Instant::now();
    loop {
        match round(owner) {
            Found::Unfinished if begun.elapsed() < LASTS => {}
            found => return found,
        }
    }
}

/// A pass of each job. After each it rests at least as long as it worked, so that it takes no more than half
/// of anything. One that fails stops no other.
fn round(owner: Oid) -> Found {
    let (mut more, mut failed) = (false, false);
    for job in JOBS {
        let begun = Instant::now();
        // Whoever is about to drop or copy the database waits for this transaction, no longer.
        let pass = || lock::keep_database().then(|| pass(job));
        match process::transaction(job.name, Some(owner), pass) {
            Some(Some(done)) => more |= done.more,
            Some(None) => return Found::Kept,
            None => failed = true,
        }
        process::rest(begun.elapsed().saturating_mul(job.rests).min(REST));
    }
    match (failed, more) {
        (true, _) => Found::Failed,
        (false, true) => Found::Unfinished,
        (false, false) => Found::Kept,
    }
}

/// A refusal is raised too, so that nothing of the pass stays.
fn pass(job: &Job) -> Done {
    let done = spi::connect(|spi| job.pass(spi));
    done.unwrap_or_else(|refusal| pgrx::error!("{refusal}"))
}
