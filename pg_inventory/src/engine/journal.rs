//! The journal: one row a movement or event, ids drawn while the stock rows are locked.

use super::Accepted;
use crate::pg::spi::{Args, Spi};
use crate::pg::{copy, server};
use crate::plans;
use crate::session::Session;
use inventory_core::command::Origin;
use inventory_core::decision::{About, Movement, Notice};
use inventory_core::event::EventType;
use inventory_core::time::Moment;
use std::ffi::CStr;

/// Up to this many rows are inserted one by one: below it what COPY sets up costs more than it spares.
const FEW: usize = 8;

/// The columns of a movement, in the order in which they are written.
static COLUMNS: [&CStr; 20] = [
    c"id",
    c"generation",
    c"xid",
    c"at",
    c"event_type",
    c"sku",
    c"warehouse_id",
    c"lot",
    c"on_hand_delta",
    c"reserved_delta",
    c"on_hand",
    c"reserved",
    c"version",
    c"request_id",
    c"order_no",
    c"reason",
    c"operator",
    c"db_user",
    c"trace_id",
    c"reservation_id",
];

/// The fields of a movement, in the order of `COLUMNS`, given to whatever takes them one by one.
macro_rules! fields {
    ($into:expr, $batch:expr, $entry:expr) => {{
        let (m, origin) = ($entry.what, $entry.origin);
        $into
            .int8($entry.id)
            .int4($batch.generation)
            .xid8($batch.xid)
            .moment($batch.now)
            .text(m.event.as_str())
            .text(&m.place.sku)
            .int4(m.place.warehouse_id.number())
            .text(m.lot.as_deref().unwrap_or(""))
            .int8(m.on_hand_delta)
            .int8(m.reserved_delta)
            .int8(m.on_hand)
            .int8(m.reserved)
            .int8(m.version)
            .maybe_uuid(origin.request_id.as_ref().map(|id| &id.0))
            .maybe_text($entry.order_no)
            .text(&m.reason)
            .maybe_text(origin.operator.as_deref())
            .text($batch.user(origin))
            .maybe_text(origin.trace_id.as_deref())
            .maybe_uuid(m.hold.as_ref().map(|(id, _)| &id.0))
    }};
}

/// One row to be, besides what is the same for the whole batch.
struct Entry<'a, T> {
    id: i64,
    what: &'a T,
    origin: &'a Origin,
    order_no: Option<&'a str>,
}

pub fn write(spi: &Spi, session: &Session, accepted: &[Accepted], now: Moment) {
    if accepted.iter().all(|done| done.decision.rows() == 0) {
        return;
    }
    let batch = Batch::new(session, now);
    let numbers: Vec<Option<String>> = accepted.iter().map(|a| a.order.map(|o| o.text())).collect();
    let (mut movements, mut notices) = (Vec::new(), Vec::new());
    for (done, number) in accepted.iter().zip(&numbers) {
        let (origin, order_no) = (&done.command.origin, number.as_deref());
        for what in &done.decision.movements {
            // A hold that makes room for an order is no part of it.
            let order_no = order_no.filter(|_| what.event != EventType::StockExpired);
            movements.push(Entry {
                id: server::nextval(session.journal_ids),
                what,
                origin,
                order_no,
            });
        }
        for what in &done.decision.notices {
            notices.push(Entry {
                id: server::nextval(session.journal_ids),
                what,
                origin,
                order_no,
            });
        }
    }
    if movements.len() <= FEW {
        movements.iter().for_each(|entry| batch.write_one(spi, entry));
    } else {
        batch.copy(session, &movements);
    }
    notices.iter().for_each(|entry| batch.write_notice(spi, entry));
}

/// Writes events of a command that is none on stock.
pub fn write_notices(spi: &Spi, session: &Session, notices: &[Notice], origin: &Origin) {
    let batch = Batch::new(session, server::now());
    for what in notices {
        let id = server::nextval(session.journal_ids);
        batch.write_notice(spi, &Entry { id, what, origin, order_no: None });
    }
}

/// What all rows of a batch have in common.
struct Batch {
    generation: i32,
    /// The transaction has it before an id is drawn: so who notes the last id given and takes a snapshot
    /// then finds behind that id all that comes of transactions which the snapshot does not know.
    xid: u64,
    now: Moment,
    db_user: String,
}

impl Batch {
    fn new(session: &Session, now: Moment) -> Batch {
        Batch {
            generation: session.generation,
            xid: server::transaction_id(),
            now,
            db_user: server::session_user(),
        }
    }

    fn user<'a>(&'a self, origin: &'a Origin) -> &'a str {
        origin.user.as_deref().unwrap_or(&self.db_user)
    }

    fn write_one(&self, spi: &Spi, entry: &Entry<Movement>) {
        let args = fields!(Args::new(), self, entry);
        spi.execute(plans::JOURNAL_ONE.plan(spi), &args);
    }

    fn copy(&self, session: &Session, entries: &[Entry<Movement>]) {
        let mut rows = copy::Rows::new(&COLUMNS, entries.len());
        for entry in entries {
            fields!(rows.row(), self, entry);
        }
        rows.write(session.journal);
    }

    fn write_notice(&self, spi: &Spi, entry: &Entry<Notice>) {
        let (notice, origin) = (entry.what, entry.origin);
        let (sku, levels) = match &notice.about {
            About::Level { sku, levels, .. } => (Some(sku), Some(levels)),
            About::Hot { sku, .. } => (Some(sku), None),
            About::Order { .. } => (None, None),
        };
        let args = Args::new()
            .int8(entry.id)
            .int4(self.generation)
            .xid8(self.xid)
            .moment(self.now)
            .text(notice.event.as_str())
            .maybe_text(sku.map(|sku| &**sku))
            .int4(notice.warehouse_id.number())
            .maybe_int8(levels.map(|levels| levels.on_hand))
            .maybe_int8(levels.map(|levels| levels.reserved))
            .maybe_uuid(origin.request_id.as_ref().map(|id| &id.0))
            .maybe_text(entry.order_no)
            .maybe_text(notice.reason.as_deref())
            .maybe_text(origin.operator.as_deref())
            .text(self.user(origin))
            .maybe_text(origin.trace_id.as_deref())
            .text(&notice.about.json());
        spi.execute(plans::JOURNAL_NOTICE.plan(spi), &args);
    }
}
