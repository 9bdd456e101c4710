//! `maintain`: what the background worker does, for servers without it.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi;
use crate::sql_function;
use crate::upkeep::{Done, JOBS, Job};
use inventory_core::Refusal;

sql_function!(maintain);

/// Passes of one job in one call: what they lock is locked until the caller commits.
const PASSES: usize = 5;

/// `job, done, more`: a row a job.
fn maintain(_: &Call) -> Result<Answer, Refusal> {
    let row = |job: &Job| {
        let done = spi::connect(|spi| run(spi, job))?;
        let count = i64::try_from(done.count).unwrap_or(i64::MAX);
        Ok(vec![Value::text(job.name), Value::Int8(count), Value::Bool(done.more)])
    };
    JOBS.iter().map(row).collect::<Result<_, Refusal>>().map(Answer::Rows)
}

fn run(spi: &spi::Spi, job: &Job) -> Result<Done, Refusal> {
    let mut all = Done { count: 0, more: true };
    for _ in 0..PASSES {
        let pass = (job.pass)(spi)?;
        all = Done { count: all.count + pass.count, more: pass.more };
        if !pass.more {
            break;
        }
    }
    Ok(all)
}
