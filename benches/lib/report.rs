//! The JSON file, and what was missed.

use std::path::Path;

use serde::Serialize;

use crate::error::{Error, Result};
use crate::machine::Machine;
use crate::server::Server;
use crate::target::Check;

/// One entry of a report.
pub trait Entry: Serialize {
    fn title(&self) -> String;
    fn checks(&self) -> &[Check];
}

#[derive(Debug, Serialize)]
pub struct Report<T> {
    pub machine: Machine,
    pub postgresql: String,
    pub pg_inventory: String,
    pub results: Vec<T>,
    /// What could not be measured to the end, and why.
    pub failures: Vec<String>,
}

impl<T: Entry> Report<T> {
    /// An empty one: looks at the machine and says on what is measured.
    pub fn begin(server: &Server) -> Result<Report<T>> {
        let value = |query| server.value("postgres", query);
        let postgresql = value("SELECT current_setting('server_version')")?;
        let pg_inventory = value(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'pg_inventory'",
        )?;
        let machine = Machine::look()?;
        println!(
            "pg_inventory {pg_inventory} · PostgreSQL {postgresql} · {} · {} cores · sync {} ms",
            machine.cpu, machine.cores, machine.sync_ms
        );
        let (results, failures) = (Vec::new(), Vec::new());
        Ok(Report { machine, postgresql, pg_inventory, results, failures })
    }

    pub fn write(&self, path: &Path) -> Result<()> {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }

    /// The targets that were not reached, by name.
    fn missed(&self) -> Vec<String> {
        let missed = |entry: &T| {
            let checks = entry.checks().iter().filter(|check| !check.met);
            let title = entry.title();
            checks.map(|check| format!("{title}: {} {}", check.what, check.wanted)).collect()
        };
        self.results.iter().flat_map(|entry| -> Vec<String> { missed(entry) }).collect()
    }

    /// What could not be measured fails the run; a target missed does where that is asked for.
    pub fn conclude(&self, strict: bool) -> Result<()> {
        let missed = self.missed();
        if !self.failures.is_empty() {
            return Err(Error::NotMeasured(self.failures.join("; ")));
        }
        if strict && !missed.is_empty() {
            return Err(Error::TargetsMissed(missed.join(", ")));
        }
        Ok(())
    }
}
