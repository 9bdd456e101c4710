//! The journal: one row a movement, ids drawn while the stock rows are locked.

use super::Accepted;
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use crate::session::Session;
use inventory_core::command::Command;
use inventory_core::decision::Movement;
use inventory_core::time::Moment;

/// Up to this many rows are inserted one by one: below it a statement over arrays costs more.
const FEW: usize = 3;

/// One row to be, besides what is the same for the whole batch.
struct Entry<'a> {
    id: i64,
    movement: &'a Movement,
    command: &'a Command,
    order_no: Option<&'a str>,
}

pub fn write(spi: &Spi, session: &Session, accepted: &[Accepted], now: Moment) {
    if accepted.is_empty() {
        return;
    }
    let numbers: Vec<Option<String>> = accepted.iter().map(|a| a.order.map(|o| o.text())).collect();
    let entries: Vec<Entry> = accepted
        .iter()
        .zip(&numbers)
        .flat_map(|(a, no)| a.decision.movements.iter().map(move |m| (a.command, no.as_deref(), m)))
        .map(|(command, order_no, movement)| Entry {
            id: server::nextval(session.journal_ids),
            movement,
            command,
            order_no,
        })
        .collect();
    let batch = Batch { generation: session.generation, now, db_user: server::session_user() };
    if entries.len() <= FEW {
        entries.iter().for_each(|entry| batch.write_one(spi, entry));
    } else {
        batch.write_many(spi, &entries);
    }
}

/// What all rows of a batch have in common.
struct Batch {
    generation: i32,
    now: Moment,
    db_user: String,
}

impl Batch {
    fn write_one(&self, spi: &Spi, entry: &Entry) {
        let (m, command) = (entry.movement, entry.command);
        let args = Args::new()
            .int8(entry.id)
            .int4(self.generation)
            .xid8(server::transaction_id())
            .moment(self.now)
            .text(m.event.as_str())
            .text(&m.place.sku)
            .int4(m.place.warehouse_id.number())
            .text(m.lot.as_deref().unwrap_or(""))
            .int8(m.on_hand_delta)
            .int8(m.reserved_delta)
            .int8(m.on_hand)
            .int8(m.reserved)
            .int8(m.version)
            .maybe_uuid(command.request_id.as_ref().map(|id| &id.0))
            .maybe_text(entry.order_no)
            .text(&m.reason)
            .maybe_text(command.operator.as_deref())
            .text(&self.db_user)
            .maybe_text(command.trace_id.as_deref());
        spi.execute(plans::JOURNAL_ONE.plan(spi), &args);
    }

    fn write_many(&self, spi: &Spi, entries: &[Entry]) {
        let ms = || entries.iter().map(|e| e.movement);
        let commands = || entries.iter().map(|e| e.command);
        let args = Args::new()
            .int8s(entries.iter().map(|e| Some(e.id)))
            .int4(self.generation)
            .xid8(server::transaction_id())
            .moment(self.now)
            .texts(ms().map(|m| Some(m.event.as_str())))
            .texts(ms().map(|m| Some(&*m.place.sku)))
            .int4s(ms().map(|m| Some(m.place.warehouse_id.number())))
            .texts(ms().map(|m| Some(m.lot.as_deref().unwrap_or(""))))
            .int8s(ms().map(|m| Some(m.on_hand_delta)))
            .int8s(ms().map(|m| Some(m.reserved_delta)))
            .int8s(ms().map(|m| Some(m.on_hand)))
            .int8s(ms().map(|m| Some(m.reserved)))
            .int8s(ms().map(|m| Some(m.version)))
            .uuids(commands().map(|c| c.request_id.as_ref().map(|id| &id.0)))
            .texts(entries.iter().map(|e| e.order_no))
            .texts(ms().map(|m| Some(&*m.reason)))
            .texts(commands().map(|c| c.operator.as_deref()))
            .text(&self.db_user)
            .texts(commands().map(|c| c.trace_id.as_deref()));
        spi.execute(plans::JOURNAL_MANY.plan(spi), &args);
    }
}
