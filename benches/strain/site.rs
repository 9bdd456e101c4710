//! What every measurement works with: the server, the progress bar, how much is asked for.

use std::ops::Range;
use std::time::{Duration, Instant};

use inventory_benches::figures::now_us;
use inventory_benches::{Calls, Database, Error, Load, Progress, Result, Running, Server};

use crate::Options;

pub struct Site<'a> {
    pub server: &'a Server,
    pub bar: &'a Progress,
    pub options: &'a Options,
}

impl Site<'_> {
    /// As many rows as the promise names, or the share of them that was asked for.
    pub fn rows(&self, promised: u64) -> u64 {
        ((promised as f64 * self.options.share) as u64).max(1)
    }

    pub fn span(&self) -> Duration {
        Duration::from_secs(self.options.seconds.into())
    }

    /// One of the slices in which sides take turns.
    pub fn slice(&self) -> Duration {
        self.span() / self.slices()
    }

    pub fn slices(&self) -> u32 {
        self.options.seconds.clamp(2, 6) / 2 * 2
    }

    fn warm_up(&self) -> Duration {
        Duration::from_secs(self.options.warm_up.into())
    }

    pub fn database(&self, name: &str) -> Result<Database<'_>> {
        self.bar.phase(format!("{name}: laying out"), 0);
        Database::make(self.server, name)
    }

    /// Switches the background worker's upkeep on or off.
    pub fn upkeep(&self, on: bool) -> Result<()> {
        self.server.set("pg_inventory.upkeep", Some(if on { "on" } else { "off" }))
    }

    /// A load, once its sessions are open and their plans made.
    pub fn start(&self, database: &Database, load: &Load) -> Result<Running> {
        let running = load.start(self.server, &database.name)?;
        std::thread::sleep(self.warm_up());
        Ok(running)
    }

    /// A load for a time, with that time.
    pub fn measure(
        &self,
        database: &Database,
        load: &Load,
        time: Duration,
    ) -> Result<(Calls, Range<u64>)> {
        self.bar.phase(format!("{}: {}", database.name, load.name), time.as_secs());
        let running = self.start(database, load)?;
        let within = self.watch(time);
        Ok((running.stop()?, within))
    }

    /// Lets time pass, and gives that time.
    pub fn watch(&self, time: Duration) -> Range<u64> {
        let from = now_us();
        self.bar.wait(time);
        from..now_us()
    }

    /// Looks every half second until it is done; whether it was in time.
    pub fn until(&self, limit: Duration, mut done: impl FnMut() -> Result<bool>) -> Result<bool> {
        let begun = Instant::now();
        while !done()? {
            if begun.elapsed() > limit {
                return Ok(false);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Ok(true)
    }

    /// The same, where being late is an error.
    pub fn expect(
        &self,
        what: &'static str,
        limit: Duration,
        done: impl FnMut() -> Result<bool>,
    ) -> Result<()> {
        if self.until(limit, done)? {
            return Ok(());
        }
        Err(Error::Late { what, seconds: limit.as_secs() })
    }
}

/// Audits and drops the databases of a measurement.
pub fn close<'a>(site: &Site, databases: impl IntoIterator<Item = Database<'a>>) -> Result<()> {
    for database in databases {
        site.bar.phase(format!("{}: verify()", database.name), 0);
        database.verify()?;
        database.strike()?;
    }
    Ok(())
}
