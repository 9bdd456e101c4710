use std::fs::{File, TryLockError};
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Shutdown;
use super::error::{About, Error, Result};
use super::keeper::{Keeper, Then};
use super::server::Server;

/// Tells processes that attend to a cluster of each other.
const LOCK_FILE: &str = "attended.lock";
/// The keeper of a process that was killed may still be stopping its server.
const PATIENCE: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(50);

/// A process's hold on a cluster whose server ends with it.
#[derive(Debug)]
pub(super) struct Hold {
    keeper: Keeper,
    /// Kept cluster only: no other process attends to it. Given back after the server has stopped.
    _lock: Option<File>,
}

impl Hold {
    pub(super) fn of(home: &Path, then: Then) -> Result<Self> {
        Ok(Self { keeper: Keeper::of(home, then)?, _lock: None })
    }

    /// On a kept cluster that nobody else attends to, and whose server does not run.
    pub(super) fn alone(home: &Path) -> Result<Self> {
        let path = home.join(LOCK_FILE);
        let lock = File::create(&path).about("open", &path)?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            let locked = match lock.try_lock() {
                Ok(()) => true,
                Err(TryLockError::WouldBlock) => false,
                Err(TryLockError::Error(cause)) => return Err(cause).about("lock", &path),
            };
            let running = Server::running(&home.join("data"));
            match running {
                None if locked => break,
                _ if Instant::now() < deadline => sleep(POLL),
                Some(server) if locked => {
                    return Err(Error::InUse { home: home.to_path_buf(), pid: server.pid() });
                }
                _ => return Err(Error::Locked { home: home.to_path_buf() }),
            }
        }
        // Only now: a keeper stops whatever server runs there.
        Ok(Self { keeper: Keeper::of(home, Then::Kept)?, _lock: Some(lock) })
    }

    /// How the server is to be stopped.
    pub(super) fn shutdown(&self) -> Shutdown {
        match self.keeper.then() {
            Then::Removed => Shutdown::Immediate,
            Then::Kept => Shutdown::Fast,
        }
    }
}
