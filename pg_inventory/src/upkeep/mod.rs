//! Upkeep: bounded work that the background worker does bit by bit, and `maintain()` for servers
//! without it. No job waits for a row that somebody has.

mod holds;
pub mod hot;
pub mod journal;
pub mod leaves;
mod prune;

use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use inventory_core::Refusal;
use inventory_core::time::Moment;

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
    pub pass: fn(&Spi) -> Result<Done, Refusal>,
}

/// All jobs, the most urgent first.
pub static JOBS: [Job; 6] = [
    Job { name: "expire holds", pass: holds::expire },
    Job { name: "watch hot SKUs", pass: hot::watch },
    Job { name: "open journal partitions", pass: journal::open_ahead },
    Job { name: "prune requests", pass: prune::requests },
    Job { name: "prune holds", pass: prune::holds },
    Job { name: "drop journal partitions", pass: journal::drop_past },
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

    /// Whether a round is under way, or one is due that long after the last.
    fn due(&self, every: i64) -> bool {
        self.position > 0 || self.at.plus(every) <= server::now()
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
