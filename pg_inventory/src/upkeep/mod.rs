//! Upkeep: bounded work that the background worker does bit by bit, and `maintain()` for servers
//! without it. No job waits for a row that somebody has.

mod holds;
pub mod hot;
pub mod journal;
pub mod leaves;
mod prune;
pub mod queue;

use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::time::Moment;
use inventory_core::{Code, Refusal};

/// What one pass of a job came to.
#[derive(Clone, Copy, Default)]
pub struct Done {
    /// Rows or partitions it was about.
    pub count: usize,
    /// Whether there is more to do at once.
    pub more: bool,
}

/// One job: a short pass in a transaction, again and again while there is more.
pub struct Job {
    pub name: &'static str,
    pass: fn(&Spi) -> Result<Done, Refusal>,
    /// Passes in one transaction at most: what they lock is locked until it ends.
    pub at_once: usize,
    /// So many times as long as it worked the background worker rests after it.
    pub rests: u32,
}

impl Job {
    /// One pass. Where others have all that it needs (stock is being reshaped) nothing is done.
    pub fn pass(&self, spi: &Spi) -> Result<Done, Refusal> {
        match (self.pass)(spi) {
            Err(refusal) if refusal.code == Code::Busy => Ok(Done::default()),
            done => done,
        }
    }
}

/// All jobs, the most urgent first.
pub static JOBS: &[Job] = &[
    // One, so that whoever wants the same rows gets them between two calls.
    Job { name: "expire holds", pass: holds::expire, at_once: 1, rests: 1 },
    Job { name: "watch hot SKUs", pass: hot::watch, at_once: 1, rests: 1 },
    Job { name: "open journal partitions", pass: journal::open_ahead, at_once: 4, rests: 1 },
    Job { name: "note the end of the journal", pass: journal::note, at_once: 1, rests: 1 },
    // Never urgent: so it forgets 50,000 requests a second beside 16 clients that deduct some 5,000, and costs
    // them a twentieth of their rate. With as much rest as work it cost them a third.
    Job { name: "prune requests", pass: prune::requests, at_once: 5, rests: 3 },
    Job { name: "prune holds", pass: prune::holds, at_once: 5, rests: 3 },
    Job { name: "prune sagas", pass: prune::sagas, at_once: 5, rests: 3 },
    // The last one, for it ends with the whole journal locked.
    Job { name: "drop journal partitions", pass: journal::drop_past, at_once: 1, rests: 1 },
];

/// How far a job has come, where it goes through a table bit by bit.
struct Progress {
    job: &'static str,
    /// The block to go on with; 0 between two rounds.
    position: i64,
    /// When the last round ended.
    at: Moment,
}

impl Progress {
    /// The job's progress, locked; nothing while somebody else is at it.
    fn of(spi: &Spi, job: &'static str) -> Option<Progress> {
        let rows = spi.execute(plans::LOCK_UPKEEP.plan(spi), &Args::new().text(job));
        rows.first().map(|row| Progress { job, position: row.int8(1), at: row.moment(2) })
    }

    /// Whether a round is under way, or one is due that long after the last. (One that ended in the
    /// future was timed by a clock that has stepped back.)
    fn due(&self, every: i64) -> bool {
        let now = server::now();
        self.position > 0 || self.at.plus(every) <= now || self.at > now
    }

    fn keep(&self, spi: &Spi) {
        let args = Args::new().text(self.job).int8(self.position).moment(self.at);
        spi.execute(plans::KEEP_UPKEEP.plan(spi), &args);
    }
}

/// The moment that many seconds ago.
fn ago(seconds: i32) -> Moment {
    server::now().plus(-i64::from(seconds) * 1_000_000)
}

/// A table's owner, as an SQL identifier: what takes its place or comes beside it is to have the same.
fn owner(spi: &Spi, table: &str) -> String {
    let rows = spi.script(&format!(
        "SELECT pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) FROM pg_catalog.pg_class AS c
          WHERE c.oid = '{table}'::pg_catalog.regclass"
    ));
    rows.first().map_or_else(|| "CURRENT_USER".to_owned(), |row| row.text(1))
}
