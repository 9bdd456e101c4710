//! Orders: `create_order`, `start_order`, `complete_order`, `fail_order`, `revert_order`.

use super::holds::new_hold;
use super::{ok, origin, run};
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::sql_function;
use inventory_core::command::{Action, Quantity, WarehouseId};
use inventory_core::order::{Direction, OrderDraft, OrderLine, OrderState, Step};
use inventory_core::order_number::OrderNumber;
use inventory_core::text::{self, Label, required};
use inventory_core::time::Day;
use inventory_core::{Code, LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, INT8OID, TEXTOID};
use serde::Deserialize;

sql_function!(create_order);
sql_function!(start_order);
sql_function!(complete_order);
sql_function!(fail_order);
sql_function!(revert_order);

static CREATED: Shape = Shape {
    name: "created",
    columns: &[
        (c"order_no", TEXTOID),
        (c"order_id", INT8OID),
        (c"state", TEXTOID),
        (c"replayed", BOOLOID),
    ],
};

static MOVED: Shape = Shape {
    name: "moved",
    columns: &[
        (c"code", TEXTOID),
        (c"order_no", TEXTOID),
        (c"state", TEXTOID),
        (c"replayed", BOOLOID),
    ],
};

/// A line as JSON.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    sku: Option<String>,
    qty: Option<i64>,
    lot: Option<String>,
    /// `yyyy-mm-dd`
    expires_on: Option<String>,
}

fn create_order(call: &Call) -> Result<Answer, Refusal> {
    let direction = required("direction", call.text(0))?;
    let unknown = || Refusal::invalid("direction must be outbound or inbound");
    let draft = OrderDraft {
        direction: Direction::from_name(&direction).ok_or_else(unknown)?,
        lines: lines(&required("lines", call.json(1))?)?,
        warehouse_id: WarehouseId::used("warehouse_id", call.int4(2))?,
        external_ref: call.text(3).map(|r| text::name("external_ref", Some(r))).transpose()?,
    };
    if draft.direction == Direction::Outbound && draft.lines.iter().any(|l| l.expires_on.is_some())
    {
        return Err(Refusal::invalid("expires_on goes with an inbound order"));
    }
    let answer = run(origin(call, 4)?, Action::CreateOrder(draft))?;
    let row = vec![
        Value::maybe_text(answer.order.map(|o| o.text())),
        Value::maybe_int8(answer.order.map(OrderNumber::id)),
        Value::text(OrderState::Pending.as_str()),
        Value::Bool(answer.replayed),
    ];
    Ok(Answer::Row(&CREATED, row))
}

fn lines(json: &str) -> Result<Vec<OrderLine>, Refusal> {
    let given: Vec<Given> = serde_json::from_str(json).map_err(|error| {
        Refusal::invalid(format!(r#"lines must be a list of {{"sku", "qty", "lot"?}}: {error}"#))
    })?;
    if !(1..=LINES_MAX).contains(&given.len()) {
        let detail = format!("an order has 1 to {LINES_MAX} lines, got {}", given.len());
        return Err(Refusal::invalid(detail));
    }
    given.into_iter().map(line).collect()
}

fn line(given: Given) -> Result<OrderLine, Refusal> {
    Ok(OrderLine {
        sku: Label::required("sku", given.sku)?,
        quantity: Quantity::new(given.qty)?,
        lot: Label::optional("lot", given.lot)?,
        expires_on: given.expires_on.map(|date| day(&date)).transpose()?,
    })
}

fn day(date: &str) -> Result<Day, Refusal> {
    let bad = || Refusal::invalid("expires_on must be a date as in 2030-12-31");
    Day::parse(date).ok_or_else(bad)
}

fn start_order(call: &Call) -> Result<Answer, Refusal> {
    step(call, Step::Start, 1, None)
}

fn complete_order(call: &Call) -> Result<Answer, Refusal> {
    step(call, Step::Complete, 1, None)
}

fn fail_order(call: &Call) -> Result<Answer, Refusal> {
    step(call, Step::Fail, 2, Some(Label::required("reason", call.text(1))?))
}

fn revert_order(call: &Call) -> Result<Answer, Refusal> {
    step(call, Step::Revert, 2, Some(Label::required("reason", call.text(1))?))
}

/// Moves the order that argument 0 names; its origin begins at argument `first`.
fn step(call: &Call, step: Step, first: usize, reason: Option<Label>) -> Result<Answer, Refusal> {
    let text = required("order_no", call.text(0))?;
    let unknown = || {
        let shown: String = text.chars().filter(|c| !c.is_control()).take(32).collect();
        Refusal::new(Code::UnknownOrder, format!("order {shown} does not exist"))
    };
    let order = OrderNumber::parse(&text).ok_or_else(unknown)?;
    let action = Action::MoveOrder { order, step, reason, hold: new_hold() };
    let answer = run(origin(call, first)?, action)?;
    let row = vec![
        ok(),
        Value::text(order.text()),
        Value::text(step.to().as_str()),
        Value::Bool(answer.replayed),
    ];
    Ok(Answer::Row(&MOVED, row))
}
