//! `maintain`: what the background worker does, for servers without it.

use crate::engine;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi;
use crate::sql_function;
use inventory_core::Refusal;

sql_function!(maintain);

/// Holds that one call closes at most.
const HOLDS: usize = 1_000;

fn maintain(_: &Call) -> Result<Answer, Refusal> {
    let swept = spi::connect(|spi| engine::sweep(spi, None, HOLDS))?;
    let done = i64::try_from(swept.done).unwrap_or(i64::MAX);
    Ok(Answer::Rows(vec![vec![Value::text("holds"), Value::Int8(done), Value::Bool(swept.more)]]))
}
