//! The running server: a postmaster, found as our child or through its `postmaster.pid`.

use std::fs;
use std::path::Path;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::error::{Error, Result};

const POLL: Duration = Duration::from_millis(20);
/// Recovery after a crash may have to replay a lot.
const START_LIMIT: Duration = Duration::from_secs(180);
const STOP_LIMIT: Duration = Duration::from_secs(120);

/// How the server is asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shutdown {
    /// Sessions are cut off, everything is written, the next start is quick.
    Fast,
    /// Like a crash, but orderly: the next start recovers from the log.
    Immediate,
}

#[derive(Debug)]
pub(super) struct Server {
    pid: Pid,
    /// Kept so that a server we started leaves no zombie: PostgreSQL takes a zombie for a rival.
    child: Option<Child>,
}

impl Server {
    pub(super) fn started(child: Child) -> Option<Self> {
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw)?;
        Some(Self { pid, child: Some(child) })
    }

    /// The server that runs on this data folder, whoever started it.
    pub(super) fn running(data_dir: &Path) -> Option<Self> {
        let pid = Pid::from_raw(PidFile::read(data_dir)?.pid)?;
        // A stale file may name a process of somebody else.
        let name = fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero())).ok()?;
        let server = Self { pid, child: None };
        (name.trim() == "postgres" && server.is_alive()).then_some(server)
    }

    /// Removes the lock file of a postmaster that nobody reaped, as happens in containers whose first
    /// process does not: PostgreSQL would take the zombie for a rival. That old backends are gone it
    /// sees for itself, by the shared memory.
    pub(super) fn forget_zombie(data_dir: &Path) {
        let state = PidFile::read(data_dir).and_then(|file| state_and_parent(file.pid));
        if state.is_some_and(|(state, _)| state == "Z") {
            // Where that fails, the server says what stands in its way.
            let _ = fs::remove_file(data_dir.join("postmaster.pid"));
        }
    }

    pub(super) fn pid(&self) -> i32 {
        self.pid.as_raw_nonzero().get()
    }

    /// Waits until sessions are let in; false where the server has ended instead.
    pub(super) fn wait_until_ready(&mut self, data_dir: &Path) -> bool {
        let deadline = Instant::now() + START_LIMIT;
        while self.is_running() && Instant::now() < deadline {
            if PidFile::read(data_dir).is_some_and(|file| file.pid == self.pid() && file.ready) {
                return true;
            }
            sleep(POLL);
        }
        false
    }

    pub(super) fn stop(&mut self, how: Shutdown) -> Result<()> {
        let signal = match how {
            Shutdown::Fast => Signal::INT,
            Shutdown::Immediate => Signal::QUIT,
        };
        send(self.pid, signal);
        self.wait_until_gone()
    }

    /// SIGKILL for the postmaster and all its children, as a power cut would end them.
    pub(super) fn kill(&mut self) -> Result<()> {
        send(self.pid, Signal::STOP); // no new children while we count them
        let mut children = children_of(self.pid);
        send(self.pid, Signal::KILL);
        children.iter().for_each(|child| send(*child, Signal::KILL));
        self.wait_until_gone()?;
        // The next server starts only when nobody is attached to the old one's shared memory.
        wait_until(|| {
            children.retain(|child| is_alive(*child));
            children.is_empty()
        })
    }

    fn wait_until_gone(&mut self) -> Result<()> {
        wait_until(|| !self.is_running())
    }

    fn is_running(&mut self) -> bool {
        match &mut self.child {
            Some(child) => matches!(child.try_wait(), Ok(None)),
            None => self.is_alive(),
        }
    }

    fn is_alive(&self) -> bool {
        is_alive(self.pid)
    }
}

fn wait_until(mut done: impl FnMut() -> bool) -> Result<()> {
    let deadline = Instant::now() + STOP_LIMIT;
    while !done() {
        if Instant::now() > deadline {
            return Err(Error::NotStopped { seconds: STOP_LIMIT.as_secs() });
        }
        sleep(POLL);
    }
    Ok(())
}

/// A process that is already gone is what every signal here is about to bring about.
fn send(pid: Pid, signal: Signal) {
    let _ = kill_process(pid, signal);
}

/// State and parent of a process; its name, which may hold anything, stands in parentheses before them.
fn state_and_parent(pid: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}

fn is_alive(pid: Pid) -> bool {
    state_and_parent(pid.as_raw_nonzero().get())
        .is_some_and(|(state, _)| state != "Z" && state != "X")
}

fn children_of(parent: Pid) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok())
        .filter(|pid| {
            state_and_parent(*pid).is_some_and(|(_, of)| of == parent.as_raw_nonzero().get())
        })
        .filter_map(Pid::from_raw)
        .collect()
}

/// What the postmaster writes about itself: its id in the first line, the port in the fourth, the state in the eighth.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct PidFile {
    pub(super) pid: i32,
    pub(super) port: Option<u16>,
    ready: bool,
}

impl PidFile {
    pub(super) fn read(data_dir: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(data_dir.join("postmaster.pid")).ok()?)
    }

    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            port: lines.get(3).and_then(|line| line.parse().ok()),
            ready: lines.get(7) == Some(&"ready"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pid_file_tells_when_sessions_are_let_in() {
        let head = "4711\n/data\n1716182581\n20001\n\n127.0.0.1\n  1234567  32768\n";
        let starting = PidFile::parse(&format!("{head}starting\n")).unwrap();
        assert_eq!(starting, PidFile { pid: 4711, port: Some(20_001), ready: false });
        assert!(PidFile::parse(&format!("{head}ready   \n")).unwrap().ready);
        assert_eq!(PidFile::parse(""), None);
    }
}
