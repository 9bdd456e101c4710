//! Order numbers: drawn from the warehouse's sequence in a short critical section of their own.

use super::Accepted;
use crate::pg::lock::NumberLock;
use crate::pg::server;
use crate::pg::spi::Spi;
use crate::session::Session;
use inventory_core::Refusal;
use inventory_core::command::WarehouseId;
use inventory_core::order_number::{OrderNumber, next_range};
use inventory_core::time::Moment;
use std::collections::BTreeMap;

/// Draws `count` numbers; the first one is given, the others follow it counter by counter.
pub fn draw(
    spi: &Spi,
    session: &Session,
    warehouse: WarehouseId,
    now: Moment,
    count: i64,
) -> Result<i64, Refusal> {
    let sequence = session.numbers_of(spi, warehouse.number())?;
    let _critical = NumberLock::take(warehouse.number());
    let last = server::last_value(sequence).unwrap_or(0);
    let first = next_range(last, now, count)?;
    server::setval(sequence, first + count - 1);
    Ok(first)
}

/// Gives every accepted order its number, one range a warehouse.
pub fn assign(
    spi: &Spi,
    session: &Session,
    accepted: &mut [Accepted],
    now: Moment,
) -> Result<(), Refusal> {
    let mut counts: BTreeMap<WarehouseId, i64> = BTreeMap::new();
    for warehouse in accepted.iter().filter_map(|a| a.decision.outbound) {
        *counts.entry(warehouse).or_default() += 1;
    }
    let mut next = BTreeMap::new();
    for (warehouse, count) in counts {
        next.insert(warehouse, draw(spi, session, warehouse, now, count)?);
    }
    for order in accepted {
        let Some(warehouse) = order.decision.outbound else { continue };
        if let Some(counter) = next.get_mut(&warehouse) {
            order.order = Some(OrderNumber::from_counter(*counter, warehouse.number()));
            *counter += 1;
        }
    }
    Ok(())
}
