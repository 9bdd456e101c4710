//! What happens to servers: processes that are killed, servers that start again.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::database::{Database, User};
use crate::servers::Server;
use crate::session::{Refused, Session};

/// Ends a process as a power cut would.
pub fn kill(pid: u32) {
    send(pid, Signal::KILL);
}

/// Stops a process in its tracks.
pub fn halt(pid: u32) {
    send(pid, Signal::STOP);
}

/// Lets one that was halted go on.
pub fn go_on(pid: u32) {
    send(pid, Signal::CONT);
}

fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process id");
    let _ = kill_process(pid, signal); // one that is gone already needs none
}

/// The processes that this one has begun and that still run.
pub fn children(pid: u32) -> Vec<u32> {
    let Ok(processes) = std::fs::read_dir("/proc") else { return Vec::new() };
    let pids = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|child| state_and_parent(*child).is_some_and(|(_, parent)| parent == pid)).collect()
}

/// Whether a process runs.
pub fn runs(pid: u32) -> bool {
    state_and_parent(pid).is_some_and(|(state, _)| state != 'Z' && state != 'X')
}

/// Of a process, whose name, which may hold anything, stands in parentheses before.
fn state_and_parent(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

impl Server {
    /// Kills the first process alone, and starts the server again when the others have noticed; fails
    /// the test when they do not.
    pub fn lose_postmaster(&self) {
        let first = self.postmaster();
        let others = children(first);
        kill(first);
        let begun = Instant::now();
        while let Some(pid) = others.iter().find(|pid| runs(**pid)) {
            let patient = begun.elapsed() < Duration::from_secs(60);
            assert!(patient, "process {pid} goes on without its postmaster");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.kill();
        self.start_again();
    }
}

impl Database {
    /// A session, as soon as the server lets one in; fails the test after a minute.
    #[track_caller]
    pub fn until_up(&self, user: User) -> impl Future<Output = Session> + use<'_> {
        let place = std::panic::Location::caller();
        async move {
            let begun = Instant::now();
            loop {
                let error = match self.try_session(user).await {
                    Ok(mut session) => match session.query("SELECT 1").await {
                        Ok(_) => return session,
                        Err(refused) => refused,
                    },
                    Err(error) => Refused::from(error),
                };
                let late = begun.elapsed() > Duration::from_secs(60);
                assert!(!late, "at {place}: the server stays down: {error}");
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        }
    }
}

/// The process that commits for a database, from any of the server's sessions.
pub async fn committer(session: &mut Session, database: &str) -> Option<u32> {
    let sql = format!(
        "SELECT pid FROM pg_catalog.pg_stat_activity \
          WHERE backend_type = 'pg_inventory committer' AND datname = '{database}'"
    );
    session.query(&sql).await.ok()?.to_string().parse().ok()
}

/// The same, as soon as there is one that is not this one; fails the test after a minute.
#[track_caller]
pub fn next_committer<'a>(
    session: &'a mut Session,
    database: &'a str,
    not: Option<u32>,
) -> impl Future<Output = u32> + use<'a> {
    let place = std::panic::Location::caller();
    async move {
        let begun = Instant::now();
        loop {
            match committer(session, database).await {
                Some(pid) if Some(pid) != not => return pid,
                _ => tokio::time::sleep(Duration::from_millis(2)).await,
            }
            assert!(begun.elapsed() < Duration::from_secs(60), "at {place}: no committer comes");
        }
    }
}
