//! `receive`, `deduct`, `try_deduct`, `adjust`, `recount`, `transfer`.

use super::{LEVELS, ok, origin, run};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi;
use crate::{group_commit, sql_function};
use inventory_core::Refusal;
use inventory_core::book::Levels;
use inventory_core::command::{
    Action, Command, Counted, Delta, Line, Place, Quantity, WarehouseId,
};
use inventory_core::text::Label;

sql_function!(receive);
sql_function!(deduct);
sql_function!(deduct_now);
sql_function!(try_deduct);
sql_function!(adjust);
sql_function!(recount);
sql_function!(transfer);

fn receive(call: &Call) -> Result<Answer, Refusal> {
    let line = line(call, 2, call.text(3), call.text(5))?;
    let action = Action::Receive { line, expires_on: call.day(4) };
    one_row(run(origin(call, 6)?, action)?)
}

fn deduct(call: &Call) -> Result<Answer, Refusal> {
    let Command { origin, action } = deduction(call)?;
    one_row(run(origin, action)?)
}

/// As `deduct`, but decided and committed together with every other such call in flight, whatever
/// becomes of the caller's transaction.
fn deduct_now(call: &Call) -> Result<Answer, Refusal> {
    one_row(group_commit::run(&deduction(call)?)?)
}

fn deduction(call: &Call) -> Result<Command, Refusal> {
    let line = line(call, 2, call.text(3), call.text(4))?;
    Ok(Command { origin: origin(call, 5)?, action: Action::Deduct { lines: vec![line] } })
}

/// As `deduct`, but a refusal is a row with its code and the levels as they are.
fn try_deduct(call: &Call) -> Result<Answer, Refusal> {
    let task = Task { places: vec![place(call, 2).ok()], command: deduction(call) };
    let outcome = spi::connect(|spi| engine::execute(spi, &[task], Patience::Wait));
    let row = match outcome.map(|mut outcomes| outcomes.pop()) {
        Ok(Some(Outcome::Accepted(answer))) => return one_row(answer),
        Ok(Some(Outcome::Refused(refusal, levels))) => refused(&refusal, levels[0]),
        Ok(None) => Vec::new(),
        Err(refusal) => refused(&refusal, None),
    };
    Ok(Answer::Row(&LEVELS, row))
}

fn adjust(call: &Call) -> Result<Answer, Refusal> {
    let action = Action::Adjust {
        place: place(call, 3)?,
        delta: Delta::new(call.int8(1))?,
        reason: Label::required("reason", call.text(2))?,
        lot: Label::optional("lot", call.text(4))?,
    };
    one_row(run(origin(call, 5)?, action)?)
}

fn recount(call: &Call) -> Result<Answer, Refusal> {
    let action = Action::Recount {
        place: place(call, 3)?,
        counted: Counted::new(call.int8(1))?,
        reason: Label::required("reason", call.text(2))?,
        lot: Label::optional("lot", call.text(4))?,
        expected_version: call.int8(5),
    };
    one_row(run(origin(call, 6)?, action)?)
}

fn transfer(call: &Call) -> Result<Answer, Refusal> {
    let to = WarehouseId::used("to_warehouse", call.int4(3))?;
    let from = WarehouseId::used("from_warehouse", call.int4(2))?;
    let line = Line {
        place: Place { sku: Label::required("sku", call.text(0))?, warehouse_id: from },
        quantity: Quantity::new(call.int8(1))?,
        lot: Label::optional("lot", call.text(4))?,
        reason: Label::required("reason", call.text(5))?,
    };
    let action = Action::transfer(line, to)?;
    let answer = run(origin(call, 6)?, action)?;
    Ok(Answer::Rows(answer.levels.iter().map(|l| accepted(&answer, l)).collect()))
}

/// The place that argument 0 (SKU) and the one at `warehouse` name.
fn place(call: &Call, warehouse: usize) -> Result<Place, Refusal> {
    Ok(Place {
        sku: Label::required("sku", call.text(0))?,
        warehouse_id: WarehouseId::used("warehouse_id", call.int4(warehouse))?,
    })
}

/// A line of SKU (argument 0), quantity (1) and warehouse.
fn line(
    call: &Call,
    warehouse: usize,
    lot: Option<String>,
    reason: Option<String>,
) -> Result<Line, Refusal> {
    Ok(Line {
        place: place(call, warehouse)?,
        quantity: Quantity::new(call.int8(1))?,
        lot: Label::optional("lot", lot)?,
        reason: Label::required("reason", reason)?,
    })
}

fn one_row(answer: engine::Answer) -> Result<Answer, Refusal> {
    let levels = answer.levels.first().copied().unwrap_or_default();
    Ok(Answer::Row(&LEVELS, accepted(&answer, &levels)))
}

fn accepted(answer: &engine::Answer, levels: &Levels) -> Vec<Value> {
    vec![
        ok(),
        Value::maybe_text(answer.order.map(|o| o.text())),
        Value::Int8(levels.on_hand),
        Value::Int8(levels.reserved),
        Value::Int8(levels.available),
        Value::Bool(answer.replayed),
    ]
}

fn refused(refusal: &Refusal, levels: Option<Levels>) -> Vec<Value> {
    vec![
        Value::text(refusal.code.as_str()),
        Value::Null,
        Value::maybe_int8(levels.map(|l| l.on_hand)),
        Value::maybe_int8(levels.map(|l| l.reserved)),
        Value::maybe_int8(levels.map(|l| l.available)),
        Value::Bool(false),
    ]
}
