//! Holds: `reserve`, `reserve_many`, `confirm`, `release`.

use super::{ok, origin, run};
use crate::engine;
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::{group_commit, sql_function};
use inventory_core::command::{
    Action, Command, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::hold::{HoldId, HoldState, Ttl};
use inventory_core::text::{Label, required};
use inventory_core::{LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, INT8OID, TEXTOID, TIMESTAMPTZOID, UUIDOID};

sql_function!(reserve);
sql_function!(reserve_now);
sql_function!(reserve_many);
sql_function!(confirm);
sql_function!(release);

static RESERVED: Shape = Shape {
    name: "reserved",
    columns: &[
        (c"reservation_id", UUIDOID),
        (c"expires_at", TIMESTAMPTZOID),
        (c"on_hand", INT8OID),
        (c"reserved", INT8OID),
        (c"available", INT8OID),
        (c"replayed", BOOLOID),
    ],
};

static RESERVED_MANY: Shape = Shape {
    name: "reserved_many",
    columns: &[
        (c"reservation_id", UUIDOID),
        (c"expires_at", TIMESTAMPTZOID),
        (c"replayed", BOOLOID),
    ],
};

static RESOLVED: Shape = Shape {
    name: "resolved",
    columns: &[
        (c"code", TEXTOID),
        (c"order_no", TEXTOID),
        (c"reservation_id", UUIDOID),
        (c"state", TEXTOID),
        (c"replayed", BOOLOID),
    ],
};

fn reserve(call: &Call) -> Result<Answer, Refusal> {
    let Command { origin, action } = reservation(call)?;
    reserved(&run(origin, action)?)
}

/// As `reserve`, but decided and committed together with every other such call in flight.
fn reserve_now(call: &Call) -> Result<Answer, Refusal> {
    reserved(&group_commit::run(&reservation(call)?)?)
}

fn reservation(call: &Call) -> Result<Command, Refusal> {
    let line = Line {
        place: Place {
            sku: Label::required("sku", call.text(0))?,
            warehouse_id: WarehouseId::used("warehouse_id", call.int4(2))?,
        },
        quantity: Quantity::new(call.int8(1))?,
        lot: Label::optional("lot", call.text(3))?,
        reason: reason(),
    };
    Ok(Command { origin: origin(call, 5)?, action: hold(vec![line], ttl(call, 4)?) })
}

fn reserved(answer: &engine::Answer) -> Result<Answer, Refusal> {
    let levels = answer.levels.first().copied().unwrap_or_default();
    let [id, expires_at] = held(answer);
    let row = vec![
        id,
        expires_at,
        Value::Int8(levels.on_hand),
        Value::Int8(levels.reserved),
        Value::Int8(levels.available),
        Value::Bool(answer.replayed),
    ];
    Ok(Answer::Row(&RESERVED, row))
}

/// One hold over many lines, all or nothing.
fn reserve_many(call: &Call) -> Result<Answer, Refusal> {
    let ttl = ttl(call, 4)?;
    let lines = lines(call)?;
    let origin = Origin {
        request_id: call.uuid(0).map(RequestId),
        operator: Label::optional("operator", call.text(5))?,
        trace_id: Label::optional("trace_id", call.text(6))?,
        user: None,
    };
    let answer = run(origin, hold(lines, ttl))?;
    let [id, expires_at] = held(&answer);
    Ok(Answer::Row(&RESERVED_MANY, vec![id, expires_at, Value::Bool(answer.replayed)]))
}

fn lines(call: &Call) -> Result<Vec<Line>, Refusal> {
    let skus = required("skus", call.texts("skus", 1)?)?;
    let qtys = required("qtys", call.int8s("qtys", 2)?)?;
    let warehouse_ids = call.int4s("warehouse_ids", 3)?;
    let equal = |length| length == skus.len();
    if !equal(qtys.len()) || !warehouse_ids.as_ref().is_none_or(|ids| equal(ids.len())) {
        return Err(Refusal::invalid("the arrays must have the same length"));
    }
    if !(1..=LINES_MAX).contains(&skus.len()) {
        let detail = format!("a hold has 1 to {LINES_MAX} lines, got {}", skus.len());
        return Err(Refusal::invalid(detail));
    }
    let line = |(at, sku): (usize, Option<&str>)| {
        let warehouse = warehouse_ids.as_ref().map_or(Some(1), |ids| ids[at]);
        Ok(Line {
            place: Place {
                sku: Label::required("sku", sku)?,
                warehouse_id: WarehouseId::used("warehouse_id", warehouse)?,
            },
            lot: None,
            quantity: Quantity::new(qtys[at])?,
            reason: reason(),
        })
    };
    skus.into_iter().enumerate().map(line).collect()
}

fn hold(lines: Vec<Line>, ttl: Ttl) -> Action {
    Action::Reserve { hold: new_hold(), lines, ttl }
}

/// The id of a hold that is yet to be made.
pub fn new_hold() -> HoldId {
    HoldId::new(server::now(), server::chance())
}

pub fn reason() -> Label {
    Label::fixed("reserve")
}

fn ttl(call: &Call, at: usize) -> Result<Ttl, Refusal> {
    Ttl::new(required("ttl", call.interval(at))?)
}

/// `reservation_id, expires_at`
fn held(answer: &engine::Answer) -> [Value; 2] {
    match answer.hold {
        Some((id, expires_at)) => {
            [Value::Uuid(id.0), expires_at.map_or(Value::Null, Value::Moment)]
        }
        None => [Value::Null, Value::Null],
    }
}

fn confirm(call: &Call) -> Result<Answer, Refusal> {
    let hold = HoldId::required(call.uuid(0))?;
    let quantity = call.int8(1).map(|units| Quantity::new(Some(units))).transpose()?;
    let answer = run(origin(call, 2)?, Action::Confirm { hold, quantity })?;
    resolved(hold, HoldState::Confirmed, &answer)
}

fn release(call: &Call) -> Result<Answer, Refusal> {
    let hold = HoldId::required(call.uuid(0))?;
    let reason = Label::required("reason", call.text(1))?;
    let answer = run(origin(call, 2)?, Action::Release { hold, reason })?;
    resolved(hold, HoldState::Released, &answer)
}

/// A hold is resolved by one command only, so the state tells which it was.
fn resolved(hold: HoldId, state: HoldState, answer: &engine::Answer) -> Result<Answer, Refusal> {
    let row = vec![
        ok(),
        Value::maybe_text(answer.order.map(|o| o.text())),
        Value::Uuid(hold.0),
        Value::text(state.as_str()),
        Value::Bool(answer.replayed),
    ];
    Ok(Answer::Row(&RESOLVED, row))
}
