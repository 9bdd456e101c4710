//! A database of its own for each measurement, with the extension and ordinary callers.

use crate::error::{Error, Result};
use crate::server::Server;

/// The ordinary role that every side calls as.
pub const CALLER: &str = "bench_operator";
/// The ordinary role that keeps house: reshards, and sweeps where no worker does.
pub const KEEPER: &str = "bench_admin";

#[derive(Debug)]
pub struct Database<'a> {
    pub server: &'a Server,
    pub name: String,
}

impl<'a> Database<'a> {
    /// A fresh one; another of that name goes.
    pub fn make(server: &'a Server, name: &str) -> Result<Database<'a>> {
        server.run("postgres", &format!("DROP DATABASE IF EXISTS {name}"))?;
        server.run("postgres", &format!("CREATE DATABASE {name}"))?;
        let database = Database { server, name: name.to_owned() };
        database.run("CREATE EXTENSION pg_inventory")?;
        database.run("SELECT inventory.install()")?;
        for (role, group) in [(CALLER, "inventory_operator"), (KEEPER, "inventory_admin")] {
            database.run(&format!(
                "DO $$ BEGIN
                     IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') THEN
                         CREATE ROLE {role} LOGIN IN ROLE {group};
                     END IF;
                 END $$"
            ))?;
        }
        Ok(database)
    }

    /// For one of the ordinary roles, who need no password.
    pub fn url(&self, role: &str) -> String {
        self.server.url(role, &self.name)
    }

    pub fn run(&self, sql: &str) -> Result<()> {
        self.server.run(&self.name, sql)
    }

    pub fn run_file(&self, sql: &str) -> Result<()> {
        self.server.run_file(&self.name, sql)
    }

    pub fn run_as(&self, role: &str, sql: &str) -> Result<()> {
        self.server.run_as(role, &self.name, sql)
    }

    pub fn value(&self, query: &str) -> Result<String> {
        self.server.value(&self.name, query)
    }

    pub fn number(&self, query: &str) -> Result<u64> {
        self.server.number(&self.name, query)
    }

    /// The engine's own audit after the run: it must find nothing.
    pub fn verify(&self) -> Result<()> {
        // Sums over a large journal are sorted; on disk that takes several times as long.
        let audit = "SET work_mem = '256MB'; SELECT * FROM inventory.verify() LIMIT 20";
        let rows = self.server.rows(&self.name, audit)?;
        if rows.is_empty() {
            Ok(())
        } else {
            Err(Error::Verify { database: self.name.clone(), rows })
        }
    }

    pub fn strike(self) -> Result<()> {
        self.server.run("postgres", &format!("DROP DATABASE {}", self.name))
    }
}
