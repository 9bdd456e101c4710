//! Where to measure: a private cluster, or a server that is already running.

use std::path::PathBuf;

use inventory_gateway::cluster::Cluster;

use crate::database::{CALLER, KEEPER};
use crate::error::{Error, Result};
use crate::server::Server;

#[derive(Debug, clap::Args)]
pub struct Venue {
    /// Folder of PostgreSQL's programs (initdb, postgres, psql, pgbench).
    #[arg(long, env = "INVENTORY_BENCH_PG")]
    bin_dir: Option<PathBuf>,
    /// Measure on a running server (HOST:PORT, superuser `postgres`, trusted, the library preloaded) in place of a
    /// private cluster: for a profiler.
    #[arg(long)]
    attach: Option<String>,
}

impl Venue {
    /// The server, with the private cluster that holds it up unless it was running before.
    pub fn open(&self) -> Result<(Server, Option<Cluster>)> {
        let bin_dir = self.bin_dir.as_deref().ok_or(Error::NoBinDir)?;
        if let Some(address) = &self.attach {
            let parts =
                address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
            let (host, port) = parts.ok_or_else(|| Error::Address(address.clone()))?;
            let server = Server::new(bin_dir, host, port, None)?;
            return if server.preloaded()? { Ok((server, None)) } else { Err(Error::NotPreloaded) };
        }
        let preload = ("shared_preload_libraries", "pg_inventory");
        let cluster = Cluster::builder(bin_dir).setting(preload.0, preload.1).start()?;
        trust_the_callers(&cluster)?;
        let server =
            Server::new(bin_dir, cluster.host(), cluster.port(), Some(cluster.password()))?;
        Ok((server, Some(cluster)))
    }
}

/// Proving 128 passwords (SCRAM is slow on purpose) would use up a slice's warm-up.
fn trust_the_callers(cluster: &Cluster) -> Result<()> {
    let path = cluster.data_dir().join("pg_hba.conf");
    let rules = std::fs::read_to_string(&path)?;
    let trusted = format!("host all {CALLER},{KEEPER} 127.0.0.1/32 trust\n{rules}");
    std::fs::write(&path, trusted)?;
    Ok(cluster.sql("SELECT pg_reload_conf()").map(drop)?)
}
