//! Orders: `create_order` to `revert_order`.

use crate::pg::call::{Answer, Call};
use crate::sql_function;
use inventory_core::Refusal;

sql_function!(create_order);
sql_function!(start_order);
sql_function!(complete_order);
sql_function!(fail_order);
sql_function!(revert_order);

fn create_order(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn start_order(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn complete_order(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn fail_order(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}

fn revert_order(_: &Call) -> Result<Answer, Refusal> {
    Err(Refusal::invalid("not offered yet"))
}
