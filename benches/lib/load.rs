//! Clients that run a script again and again, driven by the `pgbench` that came with the server, and
//! what they saw. A call that fails ends its client, and with it the measurement.

use std::ops::Range;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::database::CALLER;
use crate::error::{Error, Result};
use crate::figures::now_us;
use crate::server::{Server, finish};

/// For a load that is told when to stop.
const A_DAY: u32 = 86_400;

#[derive(Clone, Debug)]
pub struct Load {
    pub name: String,
    /// Each call runs one of them, drawn evenly.
    pub scripts: Vec<String>,
    pub clients: u32,
    pub role: &'static str,
    /// Of all clients together; without it, as many as they can.
    pub calls_per_second: Option<u32>,
}

impl Load {
    pub fn new(name: impl Into<String>, script: impl Into<String>, clients: u32) -> Load {
        Load {
            name: name.into(),
            scripts: vec![script.into()],
            clients,
            role: CALLER,
            calls_per_second: None,
        }
    }

    /// Runs for a time, to the end.
    pub fn play(&self, server: &Server, database: &str, seconds: u32) -> Result<Vec<Call>> {
        let folder = tempfile::tempdir()?;
        finish("pgbench", self.command(server, database, seconds, folder.path())?)?;
        read_logs(folder.path())
    }

    /// Begins, and goes on until it is stopped.
    pub fn start(&self, server: &Server, database: &str) -> Result<Running> {
        let folder = tempfile::tempdir()?;
        let mut command = self.command(server, database, A_DAY, folder.path())?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let program = command.get_program().into();
        let child = command.spawn().map_err(|source| Error::Spawn { program, source })?;
        Ok(Running { name: self.name.clone(), child: Some(child), folder })
    }

    fn command(
        &self,
        server: &Server,
        database: &str,
        seconds: u32,
        folder: &Path,
    ) -> Result<Command> {
        let mut command = server.client("pgbench", self.role, database);
        command.args(["-M", "prepared", "-n", "-j", "2", "--log"]);
        command.arg(format!("--log-prefix={}", folder.join("log").display()));
        command.arg("-c").arg(self.clients.to_string()).arg("-T").arg(seconds.to_string());
        if let Some(rate) = self.calls_per_second {
            command.arg(format!("--rate={rate}"));
        }
        for (number, script) in self.scripts.iter().enumerate() {
            let path = folder.join(format!("{number}.sql"));
            std::fs::write(&path, script)?;
            command.arg("-f").arg(path);
        }
        Ok(command)
    }
}

/// A load under way. Dropped, it is ended at once.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Option<Child>,
    folder: TempDir,
}

impl Running {
    /// Lets the calls under way come to their end, and no other begin.
    pub fn stop(mut self) -> Result<Calls> {
        let stopped_us = now_us();
        let Some(child) = self.child.take() else { return Ok(Calls::default()) };
        // What pgbench's own clock sends when its time is over.
        signal(&child, Signal::ALARM);
        ended_well(child.wait_with_output()?)?;
        Ok(Calls { name: self.name.clone(), all: read_logs(self.folder.path())?, stopped_us })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            signal(&child, Signal::TERM);
            let _ = child.wait();
        }
    }
}

/// A process that has ended by itself is told of by its exit code.
fn signal(child: &Child, signal: Signal) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, signal);
    }
}

fn ended_well(output: Output) -> Result<()> {
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(Error::Program { program: "pgbench", status: output.status, stderr })
}

/// What came of a load that was stopped.
#[derive(Debug, Default)]
pub struct Calls {
    pub name: String,
    pub all: Vec<Call>,
    pub stopped_us: u64,
}

impl Calls {
    /// Those of one script of several.
    pub fn of_script(&self, script: usize) -> Vec<Call> {
        self.all.iter().filter(|call| call.script == script).copied().collect()
    }

    /// Calls that ended within a time, a second.
    pub fn rate(&self, within: &Range<u64>) -> f64 {
        let ended = self.all.iter().filter(|call| within.contains(&call.ended_us)).count();
        ended as f64 / crate::figures::seconds(within)
    }
}

/// A call as its client saw it, in microseconds (since 1970).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    pub script: usize,
    pub ended_us: u64,
    pub latency_us: u32,
}

impl Call {
    pub fn began_us(self) -> u64 {
        self.ended_us - u64::from(self.latency_us)
    }

    /// A line of `pgbench --log`: client, transaction, microseconds, script, end in seconds and microseconds.
    fn parse(line: &str) -> Option<Call> {
        let mut fields = line.split_ascii_whitespace().skip(2);
        let latency_us = fields.next()?.parse().ok()?;
        let script = fields.next()?.parse().ok()?;
        let seconds: u64 = fields.next()?.parse().ok()?;
        let micros: u64 = fields.next()?.parse().ok()?;
        Some(Call { script, ended_us: seconds * 1_000_000 + micros, latency_us })
    }
}

fn read_logs(folder: &Path) -> Result<Vec<Call>> {
    let mut calls = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "sql") {
            continue;
        }
        for line in std::fs::read_to_string(path)?.lines() {
            calls.push(Call::parse(line).ok_or_else(|| Error::Log(line.to_owned()))?);
        }
    }
    Ok(calls)
}

#[cfg(test)]
mod tests {
    use super::Call;

    #[test]
    fn reads_a_line_of_pgbench() {
        let call = Call::parse("3 17 2500 1 1700000000 250000").unwrap();
        assert_eq!(call, Call { script: 1, ended_us: 1_700_000_000_250_000, latency_us: 2_500 });
        assert_eq!(Call::parse("3 17 failed 0 1700000000 250000"), None);
    }
}
