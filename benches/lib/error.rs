//! What can go wrong while measuring.

use std::path::PathBuf;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no PostgreSQL: name the folder of its programs with --bin-dir or INVENTORY_BENCH_PG")]
    NoBinDir,
    #[error("{0} is no HOST:PORT")]
    Address(String),
    #[error("the server must run with shared_preload_libraries = 'pg_inventory'")]
    NotPreloaded,
    #[error(transparent)]
    Cluster(#[from] inventory_gateway::cluster::Error),
    #[error("{program} cannot be run: {source}")]
    Spawn { program: PathBuf, source: std::io::Error },
    #[error("{program} failed ({status}): {stderr}")]
    Program { program: &'static str, status: std::process::ExitStatus, stderr: String },
    #[error("unexpected answer to `{statement}`: {answer}")]
    Answer { statement: String, answer: String },
    #[error("no line of pgbench's log can be read as a transaction: {0}")]
    Log(String),
    #[error(
        "{side}: {calls} calls of {orders_per_call} orders were acknowledged, but its ledger grew by {rows} rows"
    )]
    Ledger { side: String, calls: u64, orders_per_call: u64, rows: u64 },
    #[error("{load}: no call was measured; give more --warm-up or --seconds")]
    Idle { load: String },
    #[error("{what} was not done within {seconds} seconds")]
    Late { what: &'static str, seconds: u64 },
    #[error("verify() found {} violations in {database}: {}", rows.len(), rows.join("; "))]
    Verify { database: String, rows: Vec<String> },
    #[error("no measurement is called {0}")]
    NoSuchMeasurement(String),
    #[error("{0} could not be measured")]
    NotMeasured(String),
    #[error("{0} missed")]
    TargetsMissed(String),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

pub type Result<T> = std::result::Result<T, Error>;
