//! Holds and orders: read and locked into the book, written back from it.
//!
//! What a hold or an order is about never changes, so it is read first, without a lock, to know which
//! stock to lock; then their rows are locked, behind the stock rows as everywhere, and read again.

use super::{Accepted, Patience, Task};
use crate::pg::spi::{Args, Row, Spi};
use crate::plans::{self, Statement};
use crate::session::Session;
use inventory_core::book::{Book, Papers};
use inventory_core::command::{Action, Place, Quantity, WarehouseId};
use inventory_core::decision::Movement;
use inventory_core::event::EventType;
use inventory_core::hold::{HeldLine, Hold, HoldId, HoldState};
use inventory_core::lease::{self, Lease};
use inventory_core::order::{Direction, Order, OrderDraft, OrderLine, OrderState};
use inventory_core::order_number::OrderNumber;
use inventory_core::text::Label;
use inventory_core::time::Moment;
use inventory_core::{Code, Refusal};
use std::collections::{BTreeMap, BTreeSet};

/// The statements that find an order and holds: to look at, to lock, to lock unless somebody has it.
struct Reading {
    order: &'static Statement,
    holds: &'static Statement,
    /// What makes a hold a lease, for those who will change it.
    lease: Option<&'static Statement>,
    /// Whether what is not found although it is there is somebody's.
    skips: bool,
}

static LOOK: Reading =
    Reading { order: &plans::FIND_ORDER, holds: &plans::FIND_HOLDS, lease: None, skips: false };
static LOCK: Reading = Reading {
    order: &plans::LOCK_ORDER,
    holds: &plans::LOCK_HOLDS,
    lease: Some(&plans::LOCK_LEASE),
    skips: false,
};
static TRY_LOCK: Reading = Reading {
    order: &plans::TRY_LOCK_ORDER,
    holds: &plans::TRY_LOCK_HOLDS,
    lease: Some(&plans::LOCK_LEASE),
    skips: true,
};

/// What the tasks name, as it is now.
pub fn look(spi: &Spi, tasks: &[Task]) -> Result<Papers, Refusal> {
    LOOK.papers(spi, 0, tasks, &Papers::default())
}

/// The same under lock; nothing when an order has come to another hold than `seen` meanwhile, so that
/// other stock is to be locked.
pub fn lock(
    spi: &Spi,
    session: &Session,
    tasks: &[Task],
    seen: &Papers,
    patience: Patience,
) -> Result<Option<Papers>, Refusal> {
    let papers = match patience {
        Patience::Wait => LOCK.papers(spi, session.generation, tasks, seen)?,
        Patience::Never => TRY_LOCK.papers(spi, session.generation, tasks, seen)?,
    };
    let hold = |papers: &Papers, no| papers.order(no).ok().and_then(|order| order.hold);
    let same = papers.orders.keys().all(|no| hold(&papers, *no) == hold(seen, *no));
    Ok(same.then_some(papers))
}

/// The places of holds, as far as they are there.
pub fn places(
    spi: &Spi,
    ids: &BTreeSet<HoldId>,
) -> Result<BTreeMap<HoldId, BTreeSet<Place>>, Refusal> {
    let places = |hold: Hold| hold.lines.into_iter().map(|line| line.place).collect();
    let holds = LOOK.holds(spi, ids)?.into_iter();
    Ok(holds.filter_map(|(id, hold)| Some((id, places(hold.ok()?)))).collect())
}

impl Reading {
    fn papers(
        &self,
        spi: &Spi,
        generation: i32,
        tasks: &[Task],
        seen: &Papers,
    ) -> Result<Papers, Refusal> {
        let actions = || tasks.iter().filter_map(|t| Some(&t.command.as_ref().ok()?.action));
        let numbers: BTreeSet<OrderNumber> = actions().filter_map(Action::order).collect();
        let mut holds: BTreeSet<HoldId> = actions().filter_map(Action::hold).collect();
        let leases: BTreeSet<HoldId> = actions().filter_map(Action::lease).collect();
        let mut papers = Papers::default();
        for number in numbers {
            if let Some(order) = self.order(spi, number)? {
                holds.extend(order.hold);
                papers.orders.insert(number, Ok(order));
            } else if self.skips && seen.orders.contains_key(&number) {
                papers.orders.insert(number, Err(busy(&format!("order {}", number.text()))));
            }
        }
        papers.holds = self.holds(spi, &holds)?;
        for (id, hold) in &mut papers.holds {
            if let (Some(statement), Ok(hold)) = (self.lease.filter(|_| leases.contains(id)), hold)
            {
                hold.lease = lease(spi, statement, *id, generation)?;
            }
        }
        if self.skips {
            for id in holds {
                if seen.holds.contains_key(&id) && !papers.holds.contains_key(&id) {
                    papers.holds.insert(id, Err(busy(&format!("reservation {}", id.text()))));
                }
            }
        }
        Ok(papers)
    }

    fn order(&self, spi: &Spi, number: OrderNumber) -> Result<Option<Order>, Refusal> {
        let key = || Args::new().int8(number.id());
        let found = spi.execute(self.order.plan(spi), &key());
        let Some(row) = found.first() else { return Ok(None) };
        let state = OrderState::from_name(&row.text(2)).ok_or_else(|| damaged("state"))?;
        let lines = spi.execute(plans::ORDER_LINES.plan(spi), &key());
        Ok(Some(Order {
            direction: Direction::from_name(&row.text(1)).ok_or_else(|| damaged("direction"))?,
            state,
            warehouse_id: WarehouseId::used("warehouse_id", Some(row.int4(3)))?,
            lines: lines.iter().map(|l| order_line(&l)).collect::<Result<_, Refusal>>()?,
            hold: row.maybe_uuid(4).map(HoldId),
            reason: None,
            stored: state,
        }))
    }

    /// Those of these holds that are there, or can be had.
    fn holds(
        &self,
        spi: &Spi,
        ids: &BTreeSet<HoldId>,
    ) -> Result<BTreeMap<HoldId, Result<Hold, Refusal>>, Refusal> {
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        let mut holds = BTreeMap::new();
        let key = || Args::new().uuids(ids.iter().map(|id| Some(&id.0)));
        for row in spi.execute(self.holds.plan(spi), &key()).iter() {
            let state = HoldState::from_name(&row.text(2)).ok_or_else(|| damaged("state"))?;
            let expires_at = row.maybe_moment(3);
            let hold = Hold { state, expires_at, lines: Vec::new(), lease: None, stored: state };
            holds.insert(HoldId(row.uuid(1)), hold);
        }
        for line in spi.execute(plans::HOLD_LINES.plan(spi), &key()).iter() {
            if let Some(hold) = holds.get_mut(&HoldId(line.uuid(1))) {
                hold.lines.push(held_line(&line)?);
            }
        }
        Ok(holds.into_iter().map(|(id, hold)| (id, Ok(hold))).collect())
    }
}

fn lease(
    spi: &Spi,
    statement: &Statement,
    id: HoldId,
    generation: i32,
) -> Result<Option<Lease>, Refusal> {
    let rows = spi.execute(statement.plan(spi), &Args::new().uuid(&id.0));
    let Some(row) = rows.first() else { return Ok(None) };
    let given = row.int4(5);
    Ok(Some(Lease {
        holder: Label::new("holder", row.text(1))?,
        void_since: (given != generation).then_some(given),
        granted: row.int8(2),
        sold: row.int8(3),
        expires_at: row.moment(4),
        stored: row.int8(3),
    }))
}

fn order_line(row: &Row<'_>) -> Result<OrderLine, Refusal> {
    Ok(OrderLine {
        sku: Label::new("sku", row.text(1))?,
        lot: lot(row.text(2))?,
        quantity: Quantity::new(row.maybe_int8(3))?,
        expires_on: row.maybe_day(4),
    })
}

fn held_line(row: &Row<'_>) -> Result<HeldLine, Refusal> {
    let sku = Label::new("sku", row.text(3))?;
    let warehouse_id = WarehouseId::used("warehouse_id", Some(row.int4(4)))?;
    Ok(HeldLine {
        line: row.int4(2),
        place: Place { sku, warehouse_id },
        lot: lot(row.text(5))?,
        quantity: row.int8(6),
        open: row.bool(7),
    })
}

/// A stored lot; `''` is none.
fn lot(text: String) -> Result<Option<Label>, Refusal> {
    Label::optional("lot", Some(text).filter(|lot| !lot.is_empty()))
}

fn busy(what: &str) -> Refusal {
    Refusal::new(Code::Busy, format!("{what} is being changed by another transaction"))
}

/// Somebody wrote the tables by hand, past their CHECKs.
fn damaged(column: &str) -> Refusal {
    Refusal::new(Code::NotInstalled, format!("a stored {column} has no meaning"))
}

/// Writes what accepted commands made and changed.
pub fn write(spi: &Spi, session: &Session, accepted: &[Accepted], book: &Book, now: Moment) {
    for done in accepted {
        if let Some((id, expires_at)) = &done.decision.hold {
            let args = Args::new().uuid(&id.0).maybe_moment(*expires_at).moment(now);
            spi.execute(plans::INSERT_HOLD.plan(spi), &args);
        }
        open_lines(spi, done);
        insert_lease(spi, session, &done.command.action, now);
        if let (Action::CreateOrder(draft), Some(number)) = (&done.command.action, done.order) {
            insert_order(spi, draft, number, now);
        }
    }
    close_lines(spi, accepted);
    close_holds(spi, book, now);
    for (number, order) in book.papers.changed_orders() {
        let args = Args::new()
            .int8(number.id())
            .text(order.state.as_str())
            .maybe_uuid(order.hold.as_ref().map(|id| &id.0))
            .maybe_text(order.reason.as_deref())
            .moment(now);
        written(spi.execute(plans::MOVE_ORDER.plan(spi), &args).processed(), 1);
    }
}

/// A movement that reserves opens its line of the hold, a sale of leased goods lowers it.
fn open_lines(spi: &Spi, done: &Accepted) {
    let expires_at = done.decision.hold.and_then(|(_, expires_at)| expires_at);
    for movement in &done.decision.movements {
        let Some((id, line)) = &movement.hold else { continue };
        if is_leased(movement) {
            let args =
                Args::new().uuid(&id.0).int4(*line).text(movement.lot.as_deref().unwrap_or(""));
            let args = args.int8(-movement.reserved_delta);
            written(spi.execute(plans::LOWER_LINE.plan(spi), &args).processed(), 1);
        }
        if movement.reserved_delta <= 0 {
            continue;
        }
        let args = Args::new()
            .uuid(&id.0)
            .int4(*line)
            .text(&movement.place.sku)
            .int4(movement.place.warehouse_id.number())
            .text(movement.lot.as_deref().unwrap_or(""))
            .int8(movement.reserved_delta)
            .maybe_moment(expires_at);
        spi.execute(plans::OPEN_LINE.plan(spi), &args);
    }
}

/// Any other movement of held goods closes its line: all of a batch at once, since a sweep closes
/// hundreds.
fn close_lines(spi: &Spi, accepted: &[Accepted]) {
    let movements = accepted.iter().flat_map(|done| &done.decision.movements);
    let closing: Vec<(&HoldId, i32, &str)> = movements
        .filter(|movement| movement.reserved_delta <= 0 && !is_leased(movement))
        .filter_map(|movement| {
            let (id, line) = movement.hold.as_ref()?;
            Some((id, *line, movement.lot.as_deref().unwrap_or("")))
        })
        .collect();
    if !closing.is_empty() {
        let args = Args::new()
            .uuids(closing.iter().map(|(id, ..)| Some(&id.0)))
            .int4s(closing.iter().map(|(_, line, _)| Some(*line)))
            .texts(closing.iter().map(|(.., lot)| Some(*lot)));
        spi.execute(plans::CLOSE_LINES.plan(spi), &args);
    }
}

/// A deduction comes of a hold only where that is a lease: who takes an ordinary hold confirms it.
fn is_leased(movement: &Movement) -> bool {
    movement.event == EventType::StockDeducted
}

fn insert_lease(spi: &Spi, session: &Session, action: &Action, now: Moment) {
    let Action::Lease { lease, line, holder, purpose, ttl } = action else { return };
    let args = Args::new()
        .uuid(&lease.0)
        .text(&line.place.sku)
        .int4(line.place.warehouse_id.number())
        .text(holder)
        .text(purpose.as_str())
        .int8(line.quantity.units())
        .int4(session.generation)
        .moment(now)
        .moment(now.plus(ttl.micros()));
    spi.execute(plans::INSERT_LEASE.plan(spi), &args);
}

/// Those that end alike at once.
fn close_holds(spi: &Spi, book: &Book, now: Moment) {
    let mut ends: BTreeMap<&str, Vec<HoldId>> = BTreeMap::new();
    for (id, hold) in book.papers.changed_holds() {
        if hold.state != hold.stored {
            ends.entry(hold.state.as_str()).or_default().push(id);
        }
        if let Some(lease) = &hold.lease {
            let args = Args::new().uuid(&id.0).text(lease::state(hold.state)).int8(lease.sold);
            let args = args.int8(lease.granted);
            written(spi.execute(plans::KEEP_LEASE.plan(spi), &args).processed(), 1);
        }
    }
    for (state, holds) in ends {
        let ids = Args::new().uuids(holds.iter().map(|id| Some(&id.0)));
        let closed = spi.execute(plans::CLOSE_HOLDS.plan(spi), &ids.text(state).moment(now));
        written(closed.processed(), holds.len());
    }
}

fn insert_order(spi: &Spi, draft: &OrderDraft, number: OrderNumber, now: Moment) {
    let args = Args::new()
        .int8(number.id())
        .text(&number.text())
        .text(draft.direction.as_str())
        .int4(draft.warehouse_id.number())
        .text(OrderState::Pending.as_str())
        .maybe_text(draft.external_ref.as_deref())
        .moment(now);
    spi.execute(plans::INSERT_ORDER.plan(spi), &args);
    for (line, at) in draft.lines.iter().zip(1..) {
        let args = Args::new()
            .int8(number.id())
            .int4(at)
            .text(&line.sku)
            .text(line.lot.as_deref().unwrap_or(""))
            .int8(line.quantity.units())
            .maybe_day(line.expires_on);
        spi.execute(plans::INSERT_ORDER_LINE.plan(spi), &args);
    }
}

fn written(rows: usize, wanted: usize) {
    if rows != wanted {
        pgrx::error!("a hold or an order changed under its lock");
    }
}
