//! `put_sink`, `pause_sink`, `resume_sink`, `drop_sink`: where events go.

use super::{events, ok};
use crate::engine::Patience;
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::session::{self, Session};
use crate::{plans, sql_function};
use inventory_core::Refusal;
use inventory_core::cursor::{Cursor, Passed};
use inventory_core::sink::{self, SINKS_MAX};
use inventory_core::text::required;
use pgrx::pg_sys::{BOOLOID, TEXTOID};

sql_function!(put_sink);
sql_function!(pause_sink);
sql_function!(resume_sink);
sql_function!(drop_sink);

static PUT: Shape =
    Shape { name: "put_sink", columns: &[(c"code", TEXTOID), (c"created", BOOLOID)] };
static CHANGED: Shape =
    Shape { name: "sink_changed", columns: &[(c"code", TEXTOID), (c"changed", BOOLOID)] };

/// A new sink is told what comes from now on, or all that the journal has. One that is there gets the
/// new address, and goes on where it was.
fn put_sink(call: &Call) -> Result<Answer, Refusal> {
    let name = sink::name("name", call.text(0))?;
    let target = sink::target(call.text(1))?;
    let from_beginning = required("from_beginning", call.bool(2))?;
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let args = Args::new().text(&name).text(&target).text(&sink::address(&target));
        let created = spi.execute(plans::CHANGE_SINK.plan(spi), &args).processed() == 0;
        if created {
            events::check_reader()?;
            let many = spi.execute(plans::COUNT_SINKS.plan(spi), &Args::new());
            if many.first().is_some_and(|row| row.int8(1) >= SINKS_MAX as i64) {
                return Err(Refusal::invalid(format!("there are {SINKS_MAX} sinks already")));
            }
            let args = args.int4(session.generation).moment(server::now());
            if spi.execute(plans::INSERT_SINK.plan(spi), &args).processed() == 0 {
                return Err(Refusal::invalid(format!("somebody else made sink {name} just now")));
            }
            let cursor = if from_beginning {
                events::beginning(spi, &session)
            } else {
                events::now(spi, &session)
            };
            let args = Args::new().text(&name);
            spi.execute(plans::INSERT_CURSOR.plan(spi), &cursor_args(args, &cursor));
        }
        Ok(Answer::Row(&PUT, vec![ok(), Value::Bool(created)]))
    })
}

/// A cursor's columns, in the order of the statements that write it.
pub fn cursor_args<'a>(args: Args<'a>, cursor: &Cursor) -> Args<'a> {
    let Passed { seen_generation, seen_xmax, seen_open, generation, xmax, open, position } =
        cursor.passed();
    args.text(&cursor.to_string())
        .int4(seen_generation)
        .xid8(seen_xmax)
        .xid8s(seen_open.into_iter())
        .int4(generation)
        .xid8(xmax)
        .xid8s(open.into_iter())
        .int8(position)
        .int8(cursor.keeps_after())
}

/// A sink as it is stored, locked.
struct Stored {
    active: bool,
    generation: i32,
}

fn lock(spi: &Spi, name: &str) -> Result<Stored, Refusal> {
    let found = spi.execute(plans::LOCK_SINK.plan(spi), &Args::new().text(name));
    let row = found.first().ok_or_else(|| unknown(name))?;
    Ok(Stored { active: row.text(1) == "ACTIVE", generation: row.int4(2) })
}

pub fn unknown(name: &str) -> Refusal {
    Refusal::invalid(format!("there is no sink {name}"))
}

fn changed(changed: bool) -> Result<Answer, Refusal> {
    Ok(Answer::Row(&CHANGED, vec![ok(), Value::Bool(changed)]))
}

pub fn keep(spi: &Spi, session: &Session, name: &str, state: &str) {
    let args = Args::new().text(name).text(state).int4(session.generation);
    spi.execute(plans::KEEP_SINK.plan(spi), &args);
}

fn pause_sink(call: &Call) -> Result<Answer, Refusal> {
    let name = sink::name("name", call.text(0))?;
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let stored = lock(spi, &name)?;
        if stored.active {
            keep(spi, &session, &name, "PAUSED");
        }
        changed(stored.active)
    })
}

/// It goes on where it stopped, or from now on. What it saw before the database was restored or cloned
/// stays true of those rows, and what was delivered since is not known here: so it is delivered again.
fn resume_sink(call: &Call) -> Result<Answer, Refusal> {
    let name = sink::name("name", call.text(0))?;
    let skip = required("skip", call.bool(1))?;
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let stored = lock(spi, &name)?;
        let moved = stored.generation != session.generation;
        if skip {
            events::check_reader()?;
            set_cursor(spi, &name, &events::now(spi, &session));
        } else if moved {
            let found = spi.execute(plans::FIND_CURSOR.plan(spi), &Args::new().text(&name));
            let text = found.first().map(|row| row.text(1)).ok_or_else(|| unknown(&name))?;
            set_cursor(spi, &name, &Cursor::parse(&text)?.carry_over(session.generation));
        }
        let changes = skip || moved || !stored.active;
        if changes {
            keep(spi, &session, &name, "ACTIVE");
        }
        changed(changes)
    })
}

/// Ends the turn of whoever has it: what they deliver now cannot be saved.
fn set_cursor(spi: &Spi, name: &str, cursor: &Cursor) {
    let args = cursor_args(Args::new().text(name), cursor);
    spi.execute(plans::SET_CURSOR.plan(spi), &args);
}

/// With all that waits to be sent again.
fn drop_sink(call: &Call) -> Result<Answer, Refusal> {
    let name = sink::name("name", call.text(0))?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let args = || Args::new().text(&name);
        let there = spi.execute(plans::DROP_SINK.plan(spi), &args()).processed() > 0;
        spi.execute(plans::DROP_CURSOR.plan(spi), &args());
        spi.execute(plans::DROP_PARKED.plan(spi), &args());
        changed(there)
    })
}
