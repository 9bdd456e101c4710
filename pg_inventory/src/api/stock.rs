//! `receive`, `deduct`, `try_deduct`, `deduct_many`, `adjust`, `recount`, `transfer`.

use super::{LEVELS, ok, origin, run};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi;
use crate::{group_commit, sql_function};
use inventory_core::book::Levels;
use inventory_core::command::{
    Action, Command, Counted, Delta, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::text::{Label, required};
use inventory_core::{LINES_MAX, Refusal};
use std::collections::HashMap;

sql_function!(receive);
sql_function!(deduct);
sql_function!(deduct_now);
sql_function!(try_deduct);
sql_function!(deduct_many);
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

/// Many orders in one call; lines that share a request id are one order.
fn deduct_many(call: &Call) -> Result<Answer, Refusal> {
    let batch = Batch::of(call)?;
    let (tasks, orders) = batch.orders();
    let outcomes = spi::connect(|spi| engine::execute(spi, &tasks, Patience::Wait))?;
    let mut rows: Vec<Vec<Value>> = Vec::new();
    rows.resize_with(batch.request_ids.len(), Vec::new);
    for (outcome, lines) in outcomes.iter().zip(&orders) {
        for (nth, &line) in lines.iter().enumerate() {
            rows[line] = many_row(line, nth, outcome);
        }
    }
    Ok(Answer::Rows(rows))
}

/// `line, code, order_no, on_hand, available, replayed` of the order's `nth` line.
fn many_row(line: usize, nth: usize, outcome: &Outcome) -> Vec<Value> {
    let (code, order_no, levels, replayed) = match outcome {
        Outcome::Accepted(a) => {
            let order_no = Value::maybe_text(a.order.map(|o| o.text()));
            (ok(), order_no, a.levels.get(nth).copied(), a.replayed)
        }
        Outcome::Refused(refusal, levels) => {
            let levels = levels.get(nth).copied().flatten();
            (Value::text(refusal.code.as_str()), Value::Null, levels, false)
        }
    };
    vec![
        Value::Int4(i32::try_from(line + 1).unwrap_or(i32::MAX)),
        code,
        order_no,
        Value::maybe_int8(levels.map(|l| l.on_hand)),
        Value::maybe_int8(levels.map(|l| l.available)),
        Value::Bool(replayed),
    ]
}

/// The arrays of one `deduct_many`, all of one length.
struct Batch {
    request_ids: Vec<Option<[u8; 16]>>,
    skus: Vec<Option<String>>,
    qtys: Vec<Option<i64>>,
    warehouse_ids: Option<Vec<Option<i32>>>,
    reasons: Option<Vec<Option<String>>>,
}

impl Batch {
    fn of(call: &Call) -> Result<Batch, Refusal> {
        let batch = Batch {
            request_ids: required("request_ids", call.uuids("request_ids", 0)?)?,
            skus: required("skus", call.texts("skus", 1)?)?,
            qtys: required("qtys", call.int8s("qtys", 2)?)?,
            warehouse_ids: call.int4s("warehouse_ids", 3)?,
            reasons: call.texts("reasons", 4)?,
        };
        let lines = batch.request_ids.len();
        let equal = batch.skus.len() == lines
            && batch.qtys.len() == lines
            && batch.warehouse_ids.as_ref().is_none_or(|w| w.len() == lines)
            && batch.reasons.as_ref().is_none_or(|r| r.len() == lines);
        if !equal {
            return Err(Refusal::invalid("the arrays must have the same length"));
        }
        if lines > LINES_MAX {
            return Err(Refusal::invalid(format!("at most {LINES_MAX} lines a call, got {lines}")));
        }
        Ok(batch)
    }

    /// The orders, each with the lines it has, in the order of their first lines.
    fn orders(&self) -> (Vec<Task>, Vec<Vec<usize>>) {
        let mut orders: Vec<Vec<usize>> = Vec::new();
        let mut by_request: HashMap<[u8; 16], usize> = HashMap::new();
        for (line, request_id) in self.request_ids.iter().enumerate() {
            let next = orders.len();
            let order = request_id.map_or(next, |id| *by_request.entry(id).or_insert(next));
            if order == next {
                orders.push(Vec::new());
            }
            orders[order].push(line);
        }
        (orders.iter().map(|lines| self.task(lines)).collect(), orders)
    }

    fn task(&self, lines: &[usize]) -> Task {
        let command = lines.iter().map(|&at| self.line(at)).collect::<Result<Vec<Line>, Refusal>>();
        Task {
            places: lines.iter().map(|&at| self.place(at).ok()).collect(),
            command: command.map(|order| Command {
                origin: Origin {
                    request_id: self.request_ids[lines[0]].map(RequestId),
                    ..Origin::default()
                },
                action: Action::Deduct { lines: order },
            }),
        }
    }

    fn place(&self, at: usize) -> Result<Place, Refusal> {
        let warehouse = self.warehouse_ids.as_ref().map_or(Some(1), |ids| ids[at]);
        Ok(Place {
            sku: Label::required("sku", self.skus[at].clone())?,
            warehouse_id: WarehouseId::used("warehouse_id", warehouse)?,
        })
    }

    fn line(&self, at: usize) -> Result<Line, Refusal> {
        let reason = self.reasons.as_ref().map_or(Some("sale".into()), |r| r[at].clone());
        Ok(Line {
            place: self.place(at)?,
            quantity: Quantity::new(self.qtys[at])?,
            lot: None,
            reason: Label::required("reason", reason)?,
        })
    }
}
