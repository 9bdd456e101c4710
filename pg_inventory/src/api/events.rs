//! `events_now`, `read_events`: the journal as a stream of events.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Rows, Spi};
use crate::session::{self, Session};
use crate::{plans, sql_function};
use inventory_core::cursor::{Cursor, Noted, Snapshot, Window};
use inventory_core::text::required;
use inventory_core::{LINES_MAX, Refusal};
use std::rc::Rc;

sql_function!(events_now);
sql_function!(read_events);

/// Ids that one call looks at: a second of work, should few of them be new.
const SPAN: i64 = 1_000_000;

fn events_now(_: &Call) -> Result<Answer, Refusal> {
    let cursor = spi::connect(|spi| Ok::<Cursor, Refusal>(now(spi, &*reading(spi)?)))?;
    Ok(Answer::Scalar(Value::text(cursor.to_string())))
}

/// The cursor behind all that is committed.
pub fn now(spi: &Spi, session: &Session) -> Cursor {
    let noted = noted(spi, session);
    let marks = spi.execute(plans::JOURNAL_MARKS.plan(spi), &Args::new().int4(session.generation));
    let marks: Vec<(u64, i64)> =
        marks.iter().map(|row| (row.int8(2).unsigned_abs(), row.int8(1))).collect();
    let floor = |xid| marks.iter().rev().find(|(next, _)| *next <= xid).map_or(0, |mark| mark.1);
    Cursor::now(&noted, floor)
}

/// The cursor before all that the journal has.
pub fn beginning(spi: &Spi, session: &Session) -> Cursor {
    Cursor::beginning(session.generation, cut(spi))
}

/// `cursor, id, generation, event_type, sku, warehouse_id, payload, trace_id, at`: a row an event; or one
/// row with a cursor alone, where nothing is left, or nothing new in a long stretch.
fn read_events(call: &Call) -> Result<Answer, Refusal> {
    let cursor = call.text(0).map(|text| Cursor::parse(&text)).transpose()?;
    let max = required("max_events", call.int4(1))?;
    if !usize::try_from(max).is_ok_and(|max| (1..=LINES_MAX).contains(&max)) {
        return Err(Refusal::invalid(format!("max_events must be 1 to {LINES_MAX}")));
    }
    spi::connect(|spi| {
        let session = reading(spi)?;
        let mut cursor = cursor.unwrap_or_else(|| beginning(spi, &session));
        cursor.check_generation(session.generation)?;
        // Once for the snapshot that it is on its way to, and once for one of today.
        loop {
            let newest = !cursor.is_on_its_way();
            let window = cursor.look(SPAN, || noted(spi, &session));
            let (after, upto) = (window.after, window.upto);
            let rows = spi.execute(plans::READ_EVENTS.plan(spi), &arguments(&window, max));
            Cursor::check_kept(after, cut(spi))?;
            if rows.len() > 0 {
                return Ok(Answer::Rows(events(&cursor, &rows)));
            }
            cursor = cursor.through(upto);
            if newest || cursor.is_on_its_way() {
                let mut only = vec![Value::text(cursor.to_string())];
                only.resize_with(9, || Value::Null);
                return Ok(Answer::Rows(vec![only]));
            }
        }
    })
}

/// The session's layout, for one who reads the journal by snapshots.
fn reading(spi: &Spi) -> Result<Rc<Session>, Refusal> {
    check_reader()?;
    session::current(spi)
}

/// Each snapshot has to be of its moment, and to know which transactions are open.
pub fn check_reader() -> Result<(), Refusal> {
    if server::in_recovery() {
        return Err(Refusal::invalid(
            "events are read on the primary: a standby does not know which transactions are open",
        ));
    }
    if server::snapshot_is_fixed() {
        return Err(Refusal::invalid(
            "events are read in READ COMMITTED, where each call sees what was committed before it",
        ));
    }
    Ok(())
}

/// What a new snapshot is noted with. The order is what makes it true: see `inventory_core::cursor`.
fn noted(spi: &Spi, session: &Session) -> Noted {
    let last = || server::last_value(session.journal_ids).unwrap_or(0);
    let mark = last();
    let next = server::next_transaction_id();
    let rows = spi.execute(plans::SNAPSHOT.plan(spi), &Args::new());
    let own = server::has_transaction_id().then(server::transaction_id);
    let row = rows.first();
    let text = row.as_ref().map(|row| row.text(1)).unwrap_or_default();
    // Nothing is over, should it ever be printed in another way.
    let snapshot = Snapshot::parse(&text, own).unwrap_or_default();
    server::make_log_durable();
    let cut = row.map_or(0, |row| row.int8(2));
    Noted { generation: session.generation, mark, next, top: last(), cut, snapshot }
}

fn cut(spi: &Spi) -> i64 {
    let rows = spi.execute(plans::JOURNAL_CUT.plan(spi), &Args::new());
    rows.first().map_or(0, |row| row.int8(1))
}

fn arguments(window: &Window<'_>, max: i32) -> Args<'static> {
    Args::new()
        .int8(window.after)
        .int8(window.upto)
        .int4(window.seen_generation)
        .xid8(window.seen_xmax)
        .xid8s(window.seen_open.iter().copied())
        .int4(window.generation)
        .xid8(window.xmax)
        .xid8s(window.open.iter().copied())
        .int8(max.into())
}

fn events(cursor: &Cursor, rows: &Rows) -> Vec<Vec<Value>> {
    let behind = cursor.behind();
    let event = |row: Row<'_>| {
        vec![
            Value::Text(behind(row.int8(1))),
            Value::Int8(row.int8(1)),
            Value::Int4(row.int4(2)),
            Value::Text(row.text(3)),
            Value::maybe_text(row.maybe_text(4)),
            row.maybe_int4(5).map_or(Value::Null, Value::Int4),
            // A jsonb is a row of bytes, too.
            Value::Bytes(row.bytes(6)),
            Value::maybe_text(row.maybe_text(7)),
            Value::Moment(row.moment(8)),
        ]
    };
    rows.iter().map(event).collect()
}
