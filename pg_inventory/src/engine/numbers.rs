//! Order numbers: the next value of the warehouse's sequence, which a short critical section sets
//! forward when it lags behind the clock, once a second at most.

use super::Accepted;
use crate::pg::lock::{self, NumberLock};
use crate::pg::server;
use crate::pg::spi::Spi;
use crate::session::Session;
use inventory_core::Refusal;
use inventory_core::command::WarehouseId;
use inventory_core::decision::Numbering;
use inventory_core::order_number::{OrderNumber, is_current, set_forward};
use inventory_core::time::Moment;
use pgrx::pg_sys::Oid;
use std::collections::BTreeMap;

/// Draws a warehouse's next `count` order numbers.
pub fn draw(
    spi: &Spi,
    session: &Session,
    warehouse: WarehouseId,
    now: Moment,
    count: usize,
) -> Result<Vec<OrderNumber>, Refusal> {
    let sequence = session.numbers_of(spi, warehouse.number())?;
    // Before the critical section, where waiting can be cancelled; nextval takes the same lock.
    lock::writing(sequence);
    let mut drawn = Vec::with_capacity(count);
    loop {
        draw_current(sequence, warehouse, now, count, &mut drawn);
        if drawn.len() == count {
            return Ok(drawn);
        }
        catch_up(sequence, warehouse, now)?;
    }
}

/// Draws until there are `count`, or until the sequence turns out to lag behind the clock. Sessions
/// draw side by side; only setting the sequence forward keeps them out.
fn draw_current(
    sequence: Oid,
    warehouse: WarehouseId,
    now: Moment,
    count: usize,
    drawn: &mut Vec<OrderNumber>,
) {
    let _drawing = NumberLock::share(warehouse.number());
    while drawn.len() < count {
        let counter = server::nextval(sequence);
        if !is_current(counter, now) {
            return;
        }
        drawn.push(OrderNumber::from_counter(counter, warehouse.number()));
    }
}

/// Sets the sequence forward to the present second, unless somebody just did.
fn catch_up(sequence: Oid, warehouse: WarehouseId, now: Moment) -> Result<(), Refusal> {
    let _alone = NumberLock::alone(warehouse.number());
    let last = server::last_value(sequence).unwrap_or(0);
    let target = set_forward(now)?;
    if last < target {
        server::setval(sequence, target);
    }
    Ok(())
}

/// Gives every accepted order its number.
pub fn assign(
    spi: &Spi,
    session: &Session,
    accepted: &mut [Accepted],
    now: Moment,
) -> Result<(), Refusal> {
    let mut orders: BTreeMap<WarehouseId, Vec<&mut Accepted>> = BTreeMap::new();
    for order in accepted {
        match order.decision.numbering {
            Numbering::None => {}
            Numbering::Draw(warehouse) => orders.entry(warehouse).or_default().push(order),
            Numbering::Known(number) => order.order = Some(number),
        }
    }
    for (warehouse, orders) in orders {
        let numbers = draw(spi, session, warehouse, now, orders.len())?;
        for (order, number) in orders.into_iter().zip(numbers) {
            order.order = Some(number);
        }
    }
    Ok(())
}
