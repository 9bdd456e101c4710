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
use std::collections::BTreeSet;

/// The statements that find an order and a hold: to look at, to lock, to lock unless somebody has it.
struct Reading {
    order: &'static Statement,
    hold: &'static Statement,
    /// What makes a hold a lease, for those who will change it.
    lease: Option<&'static Statement>,
    /// Whether what is not found although it is there is somebody's.
    skips: bool,
}

static LOOK: Reading =
    Reading { order: &plans::FIND_ORDER, hold: &plans::FIND_HOLD, lease: None, skips: false };
static LOCK: Reading = Reading {
    order: &plans::LOCK_ORDER,
    hold: &plans::LOCK_HOLD,
    lease: Some(&plans::LOCK_LEASE),
    skips: false,
};
static TRY_LOCK: Reading = Reading {
    order: &plans::TRY_LOCK_ORDER,
    hold: &plans::TRY_LOCK_HOLD,
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
        for id in holds {
            if let Some(mut hold) = self.hold(spi, id)? {
                if let Some(statement) = self.lease.filter(|_| leases.contains(&id)) {
                    hold.lease = lease(spi, statement, id, generation)?;
                }
                papers.holds.insert(id, Ok(hold));
            } else if self.skips && seen.holds.contains_key(&id) {
                papers.holds.insert(id, Err(busy(&format!("reservation {}", id.text()))));
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

    fn hold(&self, spi: &Spi, id: HoldId) -> Result<Option<Hold>, Refusal> {
        let key = || Args::new().uuid(&id.0);
        let found = spi.execute(self.hold.plan(spi), &key());
        let Some(row) = found.first() else { return Ok(None) };
        let state = HoldState::from_name(&row.text(1)).ok_or_else(|| damaged("state"))?;
        let lines = spi.execute(plans::HOLD_LINES.plan(spi), &key());
        Ok(Some(Hold {
            state,
            expires_at: row.maybe_moment(2),
            lines: lines.iter().map(|l| held_line(&l)).collect::<Result<_, Refusal>>()?,
            lease: None,
            stored: state,
        }))
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
    let sku = Label::new("sku", row.text(2))?;
    let warehouse_id = WarehouseId::used("warehouse_id", Some(row.int4(3)))?;
    Ok(HeldLine {
        line: row.int4(1),
        place: Place { sku, warehouse_id },
        lot: lot(row.text(4))?,
        quantity: row.int8(5),
        open: row.bool(6),
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
        write_lines(spi, done);
        insert_lease(spi, session, &done.command.action, now);
        if let (Action::CreateOrder(draft), Some(number)) = (&done.command.action, done.order) {
            insert_order(spi, draft, number, now);
        }
    }
    for (id, hold) in book.papers.changed_holds() {
        if hold.state != hold.stored {
            let args = Args::new().uuid(&id.0).text(hold.state.as_str()).moment(now);
            written(spi.execute(plans::CLOSE_HOLD.plan(spi), &args).processed());
        }
        if let Some(lease) = &hold.lease {
            let args = Args::new().uuid(&id.0).text(lease::state(hold.state)).int8(lease.sold);
            written(spi.execute(plans::KEEP_LEASE.plan(spi), &args).processed());
        }
    }
    for (number, order) in book.papers.changed_orders() {
        let args = Args::new()
            .int8(number.id())
            .text(order.state.as_str())
            .maybe_uuid(order.hold.as_ref().map(|id| &id.0))
            .maybe_text(order.reason.as_deref())
            .moment(now);
        written(spi.execute(plans::MOVE_ORDER.plan(spi), &args).processed());
    }
}

/// A movement that reserves opens its line of the hold, a sale of leased goods lowers it, any other
/// closes it.
fn write_lines(spi: &Spi, done: &Accepted) {
    let expires_at = done.decision.hold.and_then(|(_, expires_at)| expires_at);
    for movement in &done.decision.movements {
        let Some((id, line)) = &movement.hold else { continue };
        let lot = movement.lot.as_deref().unwrap_or("");
        if movement.reserved_delta > 0 {
            let args = Args::new()
                .uuid(&id.0)
                .int4(*line)
                .text(&movement.place.sku)
                .int4(movement.place.warehouse_id.number())
                .text(lot)
                .int8(movement.reserved_delta)
                .maybe_moment(expires_at);
            spi.execute(plans::OPEN_LINE.plan(spi), &args);
        } else if is_leased(movement) {
            let args = Args::new().uuid(&id.0).int4(*line).text(lot);
            let args = args.int8(-movement.reserved_delta);
            written(spi.execute(plans::LOWER_LINE.plan(spi), &args).processed());
        } else {
            let args = Args::new().uuid(&id.0).int4(*line).text(lot);
            spi.execute(plans::CLOSE_LINE.plan(spi), &args);
        }
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

fn written(rows: usize) {
    if rows != 1 {
        pgrx::error!("a hold or an order changed under its lock");
    }
}
