//! A service of ours as a process of its own, as a shop would run it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::database::{CALLER, Database, KEEPER};
use crate::error::{Error, Result};
use crate::figures::now_us;

/// The id of the API key that a run makes for itself.
const KEY_ID: &str = "benchkey";

/// Ended when dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
}

impl Service {
    pub fn start(mut command: Command) -> Result<Service> {
        let program = command.get_program().into();
        let spawned = command.stdin(Stdio::null()).spawn();
        Ok(Service { child: spawned.map_err(|source| Error::Spawn { program, source })? })
    }

    /// One that says in its first line where it listens; gives `127.0.0.1:port` too.
    pub fn listening(mut command: Command) -> Result<(Service, String)> {
        command.stdout(Stdio::piped());
        let mut service = Service::start(command)?;
        let mut line = String::new();
        if let Some(stdout) = service.child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        match line.trim().rsplit_once("//") {
            Some((_, address)) => Ok((service, address.to_owned())),
            None => Err(Error::Answer { statement: "listening".to_owned(), answer: line }),
        }
    }

    /// A line of what Linux says of its memory (proc(5), `/proc/PID/status`), in MiB.
    pub fn memory_mib(&self, line: &str) -> Result<f64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path)?;
        let value = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
        let kib = value.and_then(|value| value.trim().strip_suffix(" kB")?.parse::<f64>().ok());
        kib.map(|kib| kib / 1_024.0).ok_or(Error::Answer { statement: path, answer: status })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}

/// What was built together lies together.
pub fn beside_us(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

/// The command that serves a database, under two ordinary roles; without a Redis where that is empty.
pub fn gateway(database: &Database, redis: &str) -> Command {
    let mut command = Command::new(beside_us("inventory"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
        .env("INVENTORY_DATABASE_URL", database.url(CALLER))
        .env("INVENTORY_ADMIN_DATABASE_URL", database.url(KEEPER))
        .env("INVENTORY_REDIS_URL", redis);
    command
}

/// A Redis that a measurement may use; empty where nobody named one.
pub fn redis() -> String {
    std::env::var("INVENTORY_BENCH_REDIS").unwrap_or_default()
}

/// Makes an operator's key for the run, of which the database keeps the hash; the key itself.
pub fn api_key(database: &Database) -> Result<String> {
    let secret = format!("{:064x}", now_us());
    database.run(&format!(
        "SELECT inventory.create_api_key('{KEY_ID}', 'bench', 'operator', sha256('{secret}'::bytea))"
    ))?;
    Ok(format!("inv_{KEY_ID}_{secret}"))
}
