//! `reshard_step`: one leaf of stock is split in two, or two are joined.

use crate::pg::call::{Answer, Call};
use crate::sql_function;
use inventory_core::Refusal;
use inventory_core::text::required;

sql_function!(reshard_step);

fn reshard_step(call: &Call) -> Result<Answer, Refusal> {
    required("shards", call.int4(0))?;
    Err(Refusal::invalid("not offered yet"))
}
