//! The gateway and the bare answer, each a process of its own.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use inventory_benches::{CALLER, Database, Error, KEEPER, Result};
use rustix::process::{Pid, Signal, kill_process};

/// Whom a request goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Gateway,
    /// With a Redis at its door.
    Guarded,
    Bare,
}

/// An API key for the run: its text, and the id and hash that the database keeps of it.
const KEY_ID: &str = "benchkey";

pub struct Services {
    pub api_key: String,
    running: Vec<(Service, Process)>,
}

struct Process {
    child: Child,
    address: String,
}

impl Services {
    /// Those that are asked for.
    pub fn start(database: &Database, wanted: &[Service]) -> Result<Services> {
        let mut services = Services { api_key: String::new(), running: Vec::new() };
        if wanted.is_empty() {
            return Ok(services);
        }
        let secret = format!("{:064x}", inventory_benches::figures::now_us());
        services.api_key = format!("inv_{KEY_ID}_{secret}");
        database.run(&format!(
            "SELECT inventory.create_api_key('{KEY_ID}', 'bench', 'operator', sha256('{secret}'::bytea))"
        ))?;
        for service in wanted {
            let process = Process::start(command(database, *service))?;
            services.running.push((*service, process));
        }
        Ok(services)
    }

    /// `127.0.0.1:port`
    pub fn address(&self, service: Service) -> &str {
        let found = self.running.iter().find(|(running, _)| *running == service);
        found.map_or("", |(_, process)| process.address.as_str())
    }
}

fn command(database: &Database, service: Service) -> Command {
    if service == Service::Bare {
        return Command::new(beside_us("bare"));
    }
    let mut command = Command::new(beside_us("inventory"));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--log", "warn"])
        .env("INVENTORY_DATABASE_URL", database.url(CALLER))
        .env("INVENTORY_ADMIN_DATABASE_URL", database.url(KEEPER))
        .env("INVENTORY_REDIS_URL", "");
    if service == Service::Guarded {
        command
            .env("INVENTORY_REDIS_URL", std::env::var("INVENTORY_BENCH_REDIS").unwrap_or_default());
    }
    command
}

/// What was built together lies together.
fn beside_us(name: &str) -> PathBuf {
    std::env::current_exe().unwrap_or_default().with_file_name(name)
}

impl Process {
    fn start(mut command: Command) -> Result<Process> {
        let program = command.get_program().into();
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|source| Error::Spawn { program, source })?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line)?;
        }
        let address = line.trim().rsplit_once("//").map(|(_, address)| address.to_owned());
        let process = Process { child, address: address.unwrap_or_default() };
        if process.address.is_empty() {
            return Err(Error::Answer { statement: "listening".to_owned(), answer: line });
        }
        Ok(process)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::INT);
        }
        let _ = self.child.wait();
    }
}
