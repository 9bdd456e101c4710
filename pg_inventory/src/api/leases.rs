//! Leases: `take_lease`, `renew_leases`, `settle_lease`, `return_lease`, `repair_leases`.

use super::holds::new_hold;
use super::many::Said;
use super::{origin, run};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Spi};
use crate::{plans, session, sql_function};
use inventory_core::command::{
    Action, Command, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::hold::{HoldId, Ttl};
use inventory_core::lease::{self, Purpose, Returner};
use inventory_core::text::{Label, required};
use inventory_core::time::Moment;
use inventory_core::{LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, INT4OID, INT8OID, TEXTOID, TIMESTAMPTZOID, UUIDOID};
use std::collections::HashSet;

sql_function!(take_lease);
sql_function!(renew_leases);
sql_function!(settle_lease);
sql_function!(return_lease);
sql_function!(repair_leases);

static TAKEN: Shape = Shape {
    name: "taken",
    columns: &[
        (c"lease_id", UUIDOID),
        (c"granted", INT8OID),
        (c"expires_at", TIMESTAMPTZOID),
        (c"generation", INT4OID),
        (c"on_hand", INT8OID),
        (c"reserved", INT8OID),
        (c"available", INT8OID),
        (c"replayed", BOOLOID),
    ],
};

static RETURNED: Shape = Shape {
    name: "returned",
    columns: &[(c"lease_id", UUIDOID), (c"state", TEXTOID), (c"returned", INT8OID)],
};

/// A lease as it is stored.
struct Stored {
    place: Place,
    holder: String,
    purpose: String,
    granted: i64,
    sold: i64,
    generation: i32,
    state: String,
    expires_at: Moment,
}

impl Stored {
    fn find(spi: &Spi, id: HoldId) -> Result<Option<Stored>, Refusal> {
        let rows = spi.execute(plans::FIND_LEASE.plan(spi), &Args::new().uuid(&id.0));
        rows.first().map(|row| Stored::of(&row)).transpose()
    }

    fn of(row: &Row<'_>) -> Result<Stored, Refusal> {
        let sku = Label::new("sku", row.text(1))?;
        let warehouse_id = WarehouseId::used("warehouse_id", Some(row.int4(2)))?;
        Ok(Stored {
            place: Place { sku, warehouse_id },
            holder: row.text(3),
            purpose: row.text(4),
            granted: row.int8(5),
            sold: row.int8(6),
            generation: row.int4(7),
            state: row.text(8),
            expires_at: row.moment(9),
        })
    }
}

fn lease_id(id: Option<[u8; 16]>) -> Result<HoldId, Refusal> {
    required("lease_id", id).map(HoldId)
}

fn holder(call: &Call, at: usize) -> Result<Label, Refusal> {
    Label::required("holder", call.text(at))
}

fn ttl(call: &Call, at: usize) -> Result<Ttl, Refusal> {
    Ttl::new(required("ttl", call.interval(at))?)
}

/// All or nothing.
fn take_lease(call: &Call) -> Result<Answer, Refusal> {
    let line = Line {
        place: Place {
            sku: Label::required("sku", call.text(0))?,
            warehouse_id: WarehouseId::used("warehouse_id", call.int4(4))?,
        },
        quantity: Quantity::new(call.int8(1))?,
        lot: None,
        reason: Label::fixed("lease"),
    };
    let action = Action::Lease {
        lease: new_hold(),
        line,
        holder: holder(call, 2)?,
        purpose: Purpose::required(call.text(3).as_deref())?,
        ttl: ttl(call, 5)?,
    };
    let answer = run(origin(call, 6)?, action)?;
    // A repeat is told of the lease as it is now: it may have been renewed.
    let id = answer.hold.map(|(id, _)| id);
    let lease = spi::connect(|spi| id.map_or(Ok(None), |id| Stored::find(spi, id)))?;
    let levels = answer.levels.first().copied().unwrap_or_default();
    let row = vec![
        id.map_or(Value::Null, |id| Value::Uuid(id.0)),
        Value::maybe_int8(lease.as_ref().map(|l| l.granted)),
        Value::maybe_moment(lease.as_ref().map(|l| l.expires_at)),
        lease.map_or(Value::Null, |l| Value::Int4(l.generation)),
        Value::Int8(levels.on_hand),
        Value::Int8(levels.reserved),
        Value::Int8(levels.available),
        Value::Bool(answer.replayed),
    ];
    Ok(Answer::Row(&TAKEN, row))
}

/// `lease_id, state, expires_at`, a row a lease as named. One that is not the holder's is `UNKNOWN`, one
/// of an older generation `VOID`.
fn renew_leases(call: &Call) -> Result<Answer, Refusal> {
    let holder = holder(call, 0)?;
    let ids = required("lease_ids", call.uuids("lease_ids", 1)?)?;
    let ids = ids.into_iter().map(lease_id).collect::<Result<Vec<HoldId>, Refusal>>()?;
    let ttl = ttl(call, 2)?;
    if ids.len() > LINES_MAX {
        return Err(Refusal::invalid(format!("at most {LINES_MAX} leases a call")));
    }
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        // Two calls that share leases lock them in the same order.
        let mut order = ids.clone();
        order.sort_unstable();
        order.dedup();
        for id in &order {
            let until = server::now().plus(ttl.micros());
            let args = Args::new().uuid(&id.0).text(&holder).int4(session.generation);
            spi.execute(plans::RENEW_LEASE.plan(spi), &args.moment(until));
        }
        let row = |id: &HoldId| {
            let lease = Stored::find(spi, *id)?.filter(|lease| lease.holder == *holder);
            let state = lease.as_ref().map_or("UNKNOWN", |lease| {
                if lease.generation == session.generation { &lease.state } else { "VOID" }
            });
            let state = Value::text(state);
            let until = Value::maybe_moment(lease.as_ref().map(|lease| lease.expires_at));
            Ok(vec![Value::Uuid(id.0), state, until])
        };
        ids.iter().map(row).collect::<Result<_, Refusal>>().map(Answer::Rows)
    })
}

/// `line, code, detail, order_no, on_hand, reserved, available, replayed`, a row a sale.
fn settle_lease(call: &Call) -> Result<Answer, Refusal> {
    let sales = Sales::of(call)?;
    let keep = required("keep", call.bool(7))?;
    let outcomes = spi::connect(|spi| {
        session::current(spi)?;
        let place = Stored::find(spi, sales.lease)?.map(|lease| lease.place);
        let mut tasks = sales.tasks(place.as_ref());
        if !keep {
            tasks.push(returning(sales.lease, Returner::Holder(sales.holder.clone())));
        }
        engine::execute(spi, &tasks, Patience::Wait)
    })?;
    // Where it is no lease of this holder, each sale says so; and where there is none, the call does.
    if let ([Outcome::Refused(refusal, _)], false) = (&outcomes[..], keep)
        && sales.request_ids.is_empty()
    {
        return Err(refusal.clone());
    }
    let row = |(outcome, line): (&Outcome, i32)| {
        let said = Said::of(0, outcome);
        vec![
            Value::Int4(line),
            said.code,
            said.detail,
            said.order_no,
            Value::maybe_int8(said.levels.map(|l| l.on_hand)),
            Value::maybe_int8(said.levels.map(|l| l.reserved)),
            Value::maybe_int8(said.levels.map(|l| l.available)),
            Value::Bool(said.replayed),
        ]
    };
    let sold = outcomes.iter().take(sales.request_ids.len());
    Ok(Answer::Rows(sold.zip(1..).map(row).collect()))
}

/// Sales from one lease, in order.
struct Sales<'c> {
    lease: HoldId,
    holder: Label,
    request_ids: Vec<RequestId>,
    qtys: Vec<Option<i64>>,
    reasons: Option<Vec<Option<&'c str>>>,
    operators: Option<Vec<Option<&'c str>>>,
    trace_ids: Option<Vec<Option<&'c str>>>,
}

impl<'c> Sales<'c> {
    fn of(call: &'c Call) -> Result<Sales<'c>, Refusal> {
        let ids = required("request_ids", call.uuids("request_ids", 2)?)?;
        let id = |id: Option<[u8; 16]>| required("request_id", id).map(RequestId);
        let sales = Sales {
            lease: lease_id(call.uuid(0))?,
            holder: holder(call, 1)?,
            request_ids: ids.into_iter().map(id).collect::<Result<_, Refusal>>()?,
            qtys: required("qtys", call.int8s("qtys", 3)?)?,
            reasons: call.texts("reasons", 4)?,
            operators: call.texts("operators", 5)?,
            trace_ids: call.texts("trace_ids", 6)?,
        };
        sales.check()?;
        Ok(sales)
    }

    fn check(&self) -> Result<(), Refusal> {
        let lines = self.request_ids.len();
        let texts = [&self.reasons, &self.operators, &self.trace_ids];
        let equal =
            self.qtys.len() == lines && texts.into_iter().flatten().all(|list| list.len() == lines);
        if !equal {
            return Err(Refusal::invalid("the arrays must have the same length"));
        }
        if lines > LINES_MAX {
            return Err(Refusal::invalid(format!("at most {LINES_MAX} sales a call, got {lines}")));
        }
        let mut seen = HashSet::new();
        if !self.request_ids.iter().all(|id| seen.insert(*id)) {
            return Err(Refusal::invalid("each sale must have a request id of its own"));
        }
        Ok(())
    }

    /// A task a sale; `place` is where the lease's goods lie, if it is there.
    fn tasks(&self, place: Option<&Place>) -> Vec<Task> {
        let task =
            |at: usize| Task { command: self.command(at, place), places: vec![place.cloned()] };
        (0..self.request_ids.len()).map(task).collect()
    }

    fn command(&self, at: usize, place: Option<&Place>) -> Result<Command, Refusal> {
        let text = |list: &Option<Vec<Option<&'c str>>>| list.as_ref().and_then(|list| list[at]);
        let line = Line {
            place: place.cloned().ok_or_else(|| lease::unknown(self.lease))?,
            quantity: Quantity::new(self.qtys[at])?,
            lot: None,
            reason: Label::new("reason", text(&self.reasons).unwrap_or("sale"))?,
        };
        Ok(Command {
            origin: Origin {
                request_id: Some(self.request_ids[at]),
                operator: Label::optional("operator", text(&self.operators))?,
                trace_id: Label::optional("trace_id", text(&self.trace_ids))?,
                user: None,
            },
            action: Action::Sell { lease: self.lease, holder: self.holder.clone(), line },
        })
    }
}

fn returning(lease: HoldId, by: Returner) -> Task {
    let action = Action::ReturnLease { lease, by };
    Task { command: Ok(Command { origin: Origin::default(), action }), places: Vec::new() }
}

/// Nothing comes back twice: a repeat answers the same.
fn return_lease(call: &Call) -> Result<Answer, Refusal> {
    let id = lease_id(call.uuid(0))?;
    let by = Returner::Holder(holder(call, 1)?);
    run(Origin::default(), Action::ReturnLease { lease: id, by })?;
    let lease = spi::connect(|spi| Stored::find(spi, id))?.ok_or_else(|| lease::unknown(id))?;
    let rest = Value::Int8(lease.granted - lease.sold);
    Ok(Answer::Row(&RETURNED, vec![Value::Uuid(id.0), Value::text(lease.state), rest]))
}

/// `lease_id, sku, warehouse_id, holder, purpose, returned, expires_at`, a row a lease that was given back.
fn repair_leases(call: &Call) -> Result<Answer, Refusal> {
    let overdue = required("older_than", call.interval(0))?;
    let overdue = overdue.filter(|micros| *micros >= 0);
    let overdue = overdue.ok_or_else(|| Refusal::invalid("older_than must be 0 or more"))?;
    spi::connect(|spi| {
        session::current(spi)?;
        let most = i64::try_from(LINES_MAX).unwrap_or(i64::MAX);
        let args = Args::new().moment(server::now().plus(-overdue)).int8(most);
        let found = spi.execute(plans::OVERDUE_LEASES.plan(spi), &args);
        let ids: Vec<HoldId> = found.iter().map(|row| HoldId(row.uuid(1))).collect();
        let by = Returner::Repair { overdue, reason: Label::fixed("repair") };
        let tasks: Vec<Task> = ids.iter().map(|id| returning(*id, by.clone())).collect();
        let outcomes = engine::execute(spi, &tasks, Patience::Wait)?;
        let mut rows = Vec::new();
        for (id, outcome) in ids.into_iter().zip(&outcomes) {
            if gave_back(outcome)
                && let Some(lease) = Stored::find(spi, id)?
            {
                rows.push(repaired(id, lease));
            }
        }
        Ok(Answer::Rows(rows))
    })
}

/// A lease that was renewed or returned meanwhile moves nothing.
fn gave_back(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Accepted(answer) if !answer.levels.is_empty())
}

fn repaired(id: HoldId, lease: Stored) -> Vec<Value> {
    vec![
        Value::Uuid(id.0),
        Value::text(&*lease.place.sku),
        Value::Int4(lease.place.warehouse_id.number()),
        Value::text(lease.holder),
        Value::text(lease.purpose),
        Value::Int8(lease.granted - lease.sold),
        Value::Moment(lease.expires_at),
    ]
}
