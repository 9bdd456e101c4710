//! Holds: `reserve`, `reserve_many`, `confirm`, `release`.

use crate::pg::call::{Answer, Call};
use crate::sql_function;
use inventory_core::Refusal;

sql_function!(reserve);
sql_function!(reserve_many);
sql_function!(confirm);
sql_function!(release);

fn reserve(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn reserve_many(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn confirm(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn release(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}
