//! `reshard_step`: one leaf of stock is split in two, or two are joined.

use crate::engine;
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::{server, spi};
use crate::sql_function;
use crate::upkeep::leaves::{self, Shards, Step};
use inventory_core::Refusal;
use inventory_core::text::required;
use pgrx::pg_sys::{BOOLOID, TEXTOID};

sql_function!(reshard_step);

/// `more, waits_for`
static STEP: Shape =
    Shape { name: "reshard_step", columns: &[(c"more", BOOLOID), (c"waits_for", TEXTOID)] };

/// `patience` is in milliseconds; without it the call only says where to.
fn reshard_step(call: &Call) -> Result<Answer, Refusal> {
    let shards = Shards::new(required("shards", call.int4(0))?)?;
    server::refuse_where_read_only();
    let step = spi::connect(|spi| {
        engine::layout(spi)?;
        match call.int4(1) {
            Some(patience) => leaves::step(spi, shards, patience),
            None => leaves::begin(spi, shards),
        }
    })?;
    let (more, waits_for) = match step {
        Step::Done => (false, None),
        Step::More => (true, None),
        Step::WaitsFor(whom) => (true, Some(whom)),
    };
    Ok(Answer::Row(&STEP, vec![Value::Bool(more), Value::maybe_text(waits_for)]))
}
