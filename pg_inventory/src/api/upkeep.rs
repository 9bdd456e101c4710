//! `maintain`: what the background worker does, for servers without it.

use crate::engine;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::{server, spi};
use crate::sql_function;
use crate::upkeep::{Done, JOBS, Job};
use inventory_core::Refusal;

sql_function!(maintain);

/// `job, done, more`: a row a job.
fn maintain(_: &Call) -> Result<Answer, Refusal> {
    server::refuse_where_read_only();
    spi::connect(engine::layout)?;
    let row = |job: &Job| {
        let done = spi::connect(|spi| run(spi, job))?;
        let count = i64::try_from(done.count).unwrap_or(i64::MAX);
        Ok(vec![Value::text(job.name), Value::Int8(count), Value::Bool(done.more)])
    };
    JOBS.iter().map(row).collect::<Result<_, Refusal>>().map(Answer::Rows)
}

fn run(spi: &spi::Spi, job: &Job) -> Result<Done, Refusal> {
    let mut all = Done { count: 0, more: true };
    for _ in 0..job.at_once {
        let pass = job.pass(spi)?;
        all = Done { count: all.count + pass.count, more: pass.more };
        if !pass.more {
            break;
        }
    }
    Ok(all)
}
