//! `maintain`: what the background worker does, for servers without it.

use crate::engine;
use crate::pg::call::{Answer, Call};
use crate::pg::spi;
use crate::sql_function;
use inventory_core::Refusal;

sql_function!(maintain);

fn maintain(_: &Call) -> Result<Answer, Refusal> {
    spi::connect(|spi| engine::layout(spi))?;
    Ok(Answer::Rows(Vec::new()))
}
