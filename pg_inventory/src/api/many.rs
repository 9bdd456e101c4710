//! `deduct_many`, `execute_many`: many commands in one call.

use super::holds::{self, new_hold};
use super::ok;
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Intervals, Value};
use crate::pg::spi;
use crate::sql_function;
use inventory_core::book::Levels;
use inventory_core::command::{
    Action, Command, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::hold::Ttl;
use inventory_core::text::{Label, required};
use inventory_core::time::Day;
use inventory_core::{LINES_MAX, Refusal};
use std::collections::HashMap;

sql_function!(deduct_many);
sql_function!(execute_many);

/// Many orders in one call; lines that share a request id are one order.
fn deduct_many(call: &Call) -> Result<Answer, Refusal> {
    let batch = Batch {
        request_ids: required("request_ids", call.uuids("request_ids", 0)?)?,
        skus: required("skus", call.texts("skus", 1)?)?,
        qtys: required("qtys", call.int8s("qtys", 2)?)?,
        warehouse_ids: call.int4s("warehouse_ids", 3)?,
        reasons: call.texts("reasons", 4)?,
        ..Batch::default()
    };
    batch.check()?;
    let (tasks, commands) = batch.commands();
    let outcomes = spi::connect(|spi| engine::execute(spi, &tasks, Patience::Wait))?;
    Ok(batch.answer(&outcomes, &commands, deducted))
}

/// `line, code, order_no, on_hand, available, replayed` of the order's `nth` line.
fn deducted(line: i32, nth: usize, outcome: &Outcome) -> Vec<Value> {
    let said = Said::of(nth, outcome);
    vec![
        Value::Int4(line),
        said.code,
        said.order_no,
        Value::maybe_int8(said.levels.map(|l| l.on_hand)),
        Value::maybe_int8(said.levels.map(|l| l.available)),
        Value::Bool(said.replayed),
    ]
}

/// Many commands of several kinds in one call; lines that share a request id are one command.
fn execute_many(call: &Call) -> Result<Answer, Refusal> {
    let batch = Batch {
        kinds: Some(required("kinds", call.texts("kinds", 0)?)?),
        request_ids: required("request_ids", call.uuids("request_ids", 1)?)?,
        skus: required("skus", call.texts("skus", 2)?)?,
        qtys: required("qtys", call.int8s("qtys", 3)?)?,
        warehouse_ids: call.int4s("warehouse_ids", 4)?,
        lots: call.texts("lots", 5)?,
        expires_on: call.days("expires_on", 6)?,
        reasons: call.texts("reasons", 7)?,
        ttls: call.intervals("ttls", 8)?,
        operators: call.texts("operators", 9)?,
        trace_ids: call.texts("trace_ids", 10)?,
    };
    let wait = required("wait", call.bool(11))?;
    batch.check()?;
    let (tasks, commands) = batch.commands();
    let outcomes = if wait {
        spi::connect(|spi| engine::execute(spi, &tasks, Patience::Wait))?
    } else {
        engine::execute_apart(&tasks)?
    };
    Ok(batch.answer(&outcomes, &commands, executed))
}

/// `line, code, detail, order_no, reservation_id, expires_at, on_hand, reserved, available, replayed` of
/// the command's `nth` line.
fn executed(line: i32, nth: usize, outcome: &Outcome) -> Vec<Value> {
    let said = Said::of(nth, outcome);
    let hold = match outcome {
        Outcome::Accepted(answer) => answer.hold,
        Outcome::Refused(..) => None,
    };
    vec![
        Value::Int4(line),
        said.code,
        said.detail,
        said.order_no,
        hold.map_or(Value::Null, |(id, _)| Value::Uuid(id.0)),
        Value::maybe_moment(hold.and_then(|(_, expires_at)| expires_at)),
        Value::maybe_int8(said.levels.map(|l| l.on_hand)),
        Value::maybe_int8(said.levels.map(|l| l.reserved)),
        Value::maybe_int8(said.levels.map(|l| l.available)),
        Value::Bool(said.replayed),
    ]
}

/// What a line is told.
pub struct Said {
    pub code: Value,
    pub detail: Value,
    pub order_no: Value,
    pub levels: Option<Levels>,
    pub replayed: bool,
}

impl Said {
    /// To a command's `nth` line.
    pub fn of(nth: usize, outcome: &Outcome) -> Said {
        match outcome {
            Outcome::Accepted(answer) => Said {
                code: ok(),
                detail: Value::Null,
                order_no: Value::maybe_text(answer.order.map(|o| o.text())),
                levels: answer.levels.get(nth).copied(),
                replayed: answer.replayed,
            },
            Outcome::Refused(refusal, levels) => Said {
                code: Value::text(refusal.code.as_str()),
                detail: Value::text(refusal.detail.clone()),
                order_no: Value::Null,
                levels: levels.get(nth).copied().flatten(),
                replayed: false,
            },
        }
    }
}

/// What a line asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Deduct,
    Receive,
    Reserve,
}

impl Kind {
    fn of(name: Option<&str>) -> Result<Kind, Refusal> {
        match required("kind", name)? {
            "deduct" => Ok(Kind::Deduct),
            "receive" => Ok(Kind::Receive),
            "reserve" => Ok(Kind::Reserve),
            _ => Err(Refusal::invalid("kind must be deduct, receive or reserve")),
        }
    }

    /// As its function has it where none is given.
    fn reason(self) -> Label {
        match self {
            Kind::Deduct => Label::fixed("sale"),
            Kind::Receive => Label::fixed("receipt"),
            Kind::Reserve => holds::reason(),
        }
    }
}

/// How long a hold lasts where nothing is said, in microseconds: as `reserve` has it.
const TTL: i64 = 15 * 60 * 1_000_000;

type Texts<'c> = Vec<Option<&'c str>>;

/// The arrays of one call, all of one length; an absent one says nothing of any line.
#[derive(Default)]
struct Batch<'c> {
    /// Deductions where absent.
    kinds: Option<Texts<'c>>,
    request_ids: Vec<Option<[u8; 16]>>,
    skus: Texts<'c>,
    qtys: Vec<Option<i64>>,
    warehouse_ids: Option<Vec<Option<i32>>>,
    lots: Option<Texts<'c>>,
    expires_on: Option<Vec<Option<Day>>>,
    reasons: Option<Texts<'c>>,
    ttls: Option<Intervals>,
    operators: Option<Texts<'c>>,
    trace_ids: Option<Texts<'c>>,
}

/// What an array that may be absent says of a line.
fn said<T: Copy>(list: Option<&Vec<Option<T>>>, line: usize) -> Option<T> {
    list.and_then(|list| list[line])
}

impl Batch<'_> {
    fn check(&self) -> Result<(), Refusal> {
        fn long<T>(list: Option<&Vec<T>>) -> Option<usize> {
            list.map(Vec::len)
        }
        let lines = self.request_ids.len();
        let lengths = [
            long(self.kinds.as_ref()),
            Some(self.skus.len()),
            Some(self.qtys.len()),
            long(self.warehouse_ids.as_ref()),
            long(self.lots.as_ref()),
            long(self.expires_on.as_ref()),
            long(self.reasons.as_ref()),
            long(self.ttls.as_ref()),
            long(self.operators.as_ref()),
            long(self.trace_ids.as_ref()),
        ];
        if lengths.iter().flatten().any(|length| *length != lines) {
            return Err(Refusal::invalid("the arrays must have the same length"));
        }
        if lines > LINES_MAX {
            return Err(Refusal::invalid(format!("at most {LINES_MAX} lines a call, got {lines}")));
        }
        Ok(())
    }

    /// The commands, each with the lines it has, in the order of their first lines.
    fn commands(&self) -> (Vec<Task>, Vec<Vec<usize>>) {
        let mut commands: Vec<Vec<usize>> = Vec::with_capacity(self.request_ids.len());
        let mut by_request: HashMap<[u8; 16], usize> = HashMap::new();
        for (line, request_id) in self.request_ids.iter().enumerate() {
            let next = commands.len();
            let command = request_id.map_or(next, |id| *by_request.entry(id).or_insert(next));
            if command == next {
                commands.push(Vec::new());
            }
            commands[command].push(line);
        }
        (commands.iter().map(|lines| self.task(lines)).collect(), commands)
    }

    fn task(&self, lines: &[usize]) -> Task {
        let places: Vec<_> = lines.iter().map(|&at| self.place(at)).collect();
        Task {
            command: self.command(lines, &places),
            places: places.into_iter().map(Result::ok).collect(),
        }
    }

    fn command(
        &self,
        lines: &[usize],
        places: &[Result<Place, Refusal>],
    ) -> Result<Command, Refusal> {
        let first = lines[0];
        let kind = self.kind(first)?;
        let goods = lines.iter().zip(places).map(|(&at, place)| self.line(at, kind, place.clone()));
        let goods = goods.collect::<Result<Vec<Line>, Refusal>>()?;
        self.agree(lines, kind)?;
        Ok(Command {
            origin: Origin {
                request_id: self.request_ids[first].map(RequestId),
                operator: Label::optional("operator", said(self.operators.as_ref(), first))?,
                trace_id: Label::optional("trace_id", said(self.trace_ids.as_ref(), first))?,
                user: None,
            },
            action: self.action(first, kind, goods)?,
        })
    }

    fn action(&self, first: usize, kind: Kind, mut goods: Vec<Line>) -> Result<Action, Refusal> {
        match kind {
            Kind::Deduct => Ok(Action::Deduct { lines: goods }),
            Kind::Reserve => {
                let ttl = Ttl::new(said(self.ttls.as_ref(), first).unwrap_or(Some(TTL)))?;
                Ok(Action::Reserve { hold: new_hold(), lines: goods, ttl })
            }
            Kind::Receive => match goods.pop() {
                Some(line) if goods.is_empty() => {
                    let expires_on = said(self.expires_on.as_ref(), first);
                    Ok(Action::Receive { line, expires_on })
                }
                _ => Err(Refusal::invalid("a receipt has one line")),
            },
        }
    }

    /// What is of the whole command is the same in all its lines.
    fn agree(&self, lines: &[usize], kind: Kind) -> Result<(), Refusal> {
        for &at in lines {
            if self.kind(at)? != kind {
                return Err(Refusal::invalid("the lines of one command must be of one kind"));
            }
            if said(self.ttls.as_ref(), at) != said(self.ttls.as_ref(), lines[0]) {
                return Err(Refusal::invalid("the lines of one hold must have one ttl"));
            }
            if kind != Kind::Receive && said(self.expires_on.as_ref(), at).is_some() {
                return Err(Refusal::invalid("expires_on goes with a receipt"));
            }
        }
        Ok(())
    }

    fn kind(&self, at: usize) -> Result<Kind, Refusal> {
        self.kinds.as_ref().map_or(Ok(Kind::Deduct), |kinds| Kind::of(kinds[at]))
    }

    fn place(&self, at: usize) -> Result<Place, Refusal> {
        let warehouse = self.warehouse_ids.as_ref().map_or(Some(1), |ids| ids[at]);
        Ok(Place {
            sku: Label::required("sku", self.skus[at])?,
            warehouse_id: WarehouseId::used("warehouse_id", warehouse)?,
        })
    }

    fn line(&self, at: usize, kind: Kind, place: Result<Place, Refusal>) -> Result<Line, Refusal> {
        Ok(Line {
            place: place?,
            quantity: Quantity::new(self.qtys[at])?,
            lot: Label::optional("lot", said(self.lots.as_ref(), at))?,
            reason: self.reason(at, kind)?,
        })
    }

    /// Where kinds are mixed, a line without a reason has that of its kind.
    fn reason(&self, at: usize, kind: Kind) -> Result<Label, Refusal> {
        match self.reasons.as_ref().map(|reasons| reasons[at]) {
            None => Ok(kind.reason()),
            Some(None) if self.kinds.is_some() => Ok(kind.reason()),
            Some(reason) => Label::required("reason", reason),
        }
    }

    /// A row a line, in the order of the lines; `row` makes one of its number, its place in its command
    /// and what became of that.
    fn answer(
        &self,
        outcomes: &[Outcome],
        commands: &[Vec<usize>],
        row: impl Fn(i32, usize, &Outcome) -> Vec<Value>,
    ) -> Answer {
        let mut rows: Vec<Vec<Value>> = Vec::new();
        rows.resize_with(self.request_ids.len(), Vec::new);
        for (outcome, lines) in outcomes.iter().zip(commands) {
            for (nth, &line) in lines.iter().enumerate() {
                rows[line] = row(i32::try_from(line + 1).unwrap_or(i32::MAX), nth, outcome);
            }
        }
        Answer::Rows(rows)
    }
}
