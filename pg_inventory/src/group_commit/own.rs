//! What the caller's own transaction has locked: a committer would wait for it in vain, and the caller
//! for the committer, where no detector of deadlocks sees it.

use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Spi};
use crate::plans;
use crate::session::{self, Session};
use inventory_core::Refusal;
use inventory_core::command::{Action, Command, Line};

/// Whether this transaction has the goods or the request id of the command.
pub fn holds(command: &Command) -> Result<bool, Refusal> {
    if !server::has_transaction_id() {
        return Ok(false);
    }
    spi::connect(|spi| {
        let session = session::current(spi)?;
        let (Action::Deduct { lines } | Action::Reserve { lines, .. }) = &command.action else {
            return Ok(false);
        };
        for line in lines {
            if holds_goods(spi, &session, line)? {
                return Ok(true);
            }
        }
        Ok(command.origin.request_id.is_some_and(|id| {
            let rows = spi.execute(plans::OWN_REQUEST.plan(spi), &Args::new().uuid(&id.0));
            rows.first().is_some_and(|row| is_ours(&row))
        }))
    })
}

fn holds_goods(spi: &Spi, session: &Session, line: &Line) -> Result<bool, Refusal> {
    let (number, leaf) = session.leaf(&line.place.sku)?;
    let args = Args::new().text(&line.place.sku).int4(line.place.warehouse_id.number());
    let rows = spi.execute(plans::OWN_STOCK.on_leaf(spi, number, &leaf.name), &args);
    Ok(rows.first().is_some_and(|row| is_ours(&row)))
}

/// Whether the transaction that wrote the row, or the one that locked it, is this one or part of it.
fn is_ours(row: &Row<'_>) -> bool {
    let xid = |column| u32::try_from(row.int8(column)).unwrap_or(0);
    server::is_current_transaction(xid(1)) || server::is_current_transaction(xid(2))
}
