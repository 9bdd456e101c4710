//! `next_order_no`, `next_order_id`.

use crate::engine;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args};
use crate::{plans, sql_function};
use inventory_core::Refusal;
use inventory_core::command::WarehouseId;
use inventory_core::order_number::OrderNumber;

sql_function!(next_order_no);
sql_function!(next_order_id);

fn next_order_no(call: &Call) -> Result<Answer, Refusal> {
    Ok(Answer::Scalar(Value::Text(next(call)?.text())))
}

fn next_order_id(call: &Call) -> Result<Answer, Refusal> {
    Ok(Answer::Scalar(Value::Int8(next(call)?.id())))
}

fn next(call: &Call) -> Result<OrderNumber, Refusal> {
    let warehouse = WarehouseId::used("warehouse_id", call.int4(0))?;
    server::refuse_where_read_only();
    spi::connect(|spi| {
        let layout = engine::layout(spi)?;
        let number = Args::new().int4(warehouse.number());
        if spi.execute(plans::FIND_WAREHOUSE.plan(spi), &number).len() == 0 {
            return Err(WarehouseId::unknown(warehouse.number()));
        }
        // The sequence alone makes no commit wait for the disk, but a number given must not come again.
        server::commit_durably();
        let drawn = engine::draw(spi, &layout, warehouse, server::now(), 1)?;
        drawn.first().copied().ok_or_else(|| Refusal::invalid("no order number was drawn"))
    })
}
