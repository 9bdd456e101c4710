//! The SQL functions, a file a family: decode the arguments, call the engine, encode the answer.
//! Arguments are taken as they come, NULL included, so that each is checked and named in the refusal.

mod doctor;
mod events;
mod group_commit;
mod holds;
mod hot;
mod install;
mod keys;
mod leases;
mod many;
mod master;
mod numbers;
mod once;
mod orders;
mod relays;
mod requests;
mod reshard;
mod sagas;
mod shadow;
mod sinks;
mod stock;
mod tickets;
mod upkeep;
mod verify;

use crate::engine::{self, Patience};
use crate::pg::call::{Call, Shape, Value};
use inventory_core::Refusal;
use inventory_core::command::{Action, Command, Origin, RequestId};
use inventory_core::text::Label;
use pgrx::pg_sys::{BOOLOID, INT8OID, TEXTOID};

/// `code, order_no, on_hand, reserved, available, replayed`
static LEVELS: Shape = Shape {
    name: "levels",
    columns: &[
        (c"code", TEXTOID),
        (c"order_no", TEXTOID),
        (c"on_hand", INT8OID),
        (c"reserved", INT8OID),
        (c"available", INT8OID),
        (c"replayed", BOOLOID),
    ],
};

/// `code, created, replayed`
static PUT: Shape = Shape {
    name: "put",
    columns: &[(c"code", TEXTOID), (c"created", BOOLOID), (c"replayed", BOOLOID)],
};

/// `code, changed, replayed`
static CHANGED: Shape = Shape {
    name: "changed",
    columns: &[(c"code", TEXTOID), (c"changed", BOOLOID), (c"replayed", BOOLOID)],
};

/// `code, replayed`
static DELETED: Shape =
    Shape { name: "deleted", columns: &[(c"code", TEXTOID), (c"replayed", BOOLOID)] };

/// The three arguments that every command ends with, from the place of the first.
fn origin(call: &Call, first: usize) -> Result<Origin, Refusal> {
    Ok(Origin {
        request_id: call.uuid(first).map(RequestId),
        operator: Label::optional("operator", call.text(first + 1))?,
        trace_id: Label::optional("trace_id", call.text(first + 2))?,
        user: None,
    })
}

/// Runs one command; its refusal raises.
fn run(origin: Origin, action: Action) -> Result<engine::Answer, Refusal> {
    engine::execute_one(Command { origin, action }, Patience::Wait)
}

fn ok() -> Value {
    Value::text("ok")
}
