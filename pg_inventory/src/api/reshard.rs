//! `reshard_step`: one leaf of stock is split in two, or two are joined.

use crate::engine;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::{server, spi};
use crate::sql_function;
use crate::upkeep::leaves::{self, Shards};
use inventory_core::Refusal;
use inventory_core::text::required;

sql_function!(reshard_step);

fn reshard_step(call: &Call) -> Result<Answer, Refusal> {
    let shards = Shards::new(required("shards", call.int4(0))?)?;
    let first = required("first", call.bool(1))?;
    server::refuse_where_read_only();
    spi::connect(|spi| {
        engine::layout(spi)?;
        Ok(Answer::Scalar(Value::Bool(leaves::step(spi, shards, first)?)))
    })
}
