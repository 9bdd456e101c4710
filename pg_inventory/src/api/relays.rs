//! `take_turns`, `give_turns`, `save_progress`, `due_events`: what relays ask and tell; `redrive`.

use super::once::once;
use super::{CHANGED, ok, origin, sinks};
use crate::engine::Patience;
use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Spi};
use crate::session::{self, Session};
use crate::{plans, sql_function};
use inventory_core::cursor::Cursor;
use inventory_core::fingerprint::Content;
use inventory_core::sink::{self, DEAD_MAX};
use inventory_core::text::{Label, required};
use inventory_core::time::Moment;
use inventory_core::{LINES_MAX, Refusal};

sql_function!(take_turns);
sql_function!(give_turns);
sql_function!(save_progress);
sql_function!(due_events);
sql_function!(redrive);

/// Microseconds that a turn may last before it is renewed.
const LEASE: std::ops::RangeInclusive<i64> = 1_000_000..=3_600_000_000;
/// Microseconds until a parked event is tried again.
const WAIT_MAX: i64 = 86_400_000_000;

/// `sink, target, cursor, turn, give_back, source`: the sinks that this relay has. Those that it is to
/// give back, because they are paused or because it has more than its share, it finishes with first.
fn take_turns(call: &Call) -> Result<Answer, Refusal> {
    let relay = Label::required("relay", call.text(0))?;
    let lease = required("lease", call.interval(1))?;
    let lease = lease.filter(|micros| LEASE.contains(micros));
    let lease = lease.ok_or_else(|| Refusal::invalid("lease must be 1 second to 1 hour"))?;
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let now = server::now();
        let beat = Args::new().text(&relay).moment(now.plus(lease));
        spi.execute(plans::RELAY_BEAT.plan(spi), &beat);
        spi.execute(plans::FORGET_RELAYS.plan(spi), &Args::new().moment(now));
        spi.execute(plans::RENEW_TURNS.plan(spi), &beat);
        let share = share(spi, &session, now);
        let held = spi.execute(plans::TURNS_OF.plan(spi), &turns_of(&relay, &session)).len();
        if let Some(room @ 1..) = share.checked_sub(held) {
            let room = i64::try_from(room).unwrap_or(i64::MAX);
            let args = Args::new().text(&relay).moment(now.plus(lease)).int4(session.generation);
            spi.execute(plans::TAKE_TURNS.plan(spi), &args.moment(now).int8(room));
        }
        let mine = spi.execute(plans::TURNS_OF.plan(spi), &turns_of(&relay, &session));
        let mut kept = 0;
        let row = |r: Row<'_>| {
            let active = r.bool(5);
            kept += usize::from(active);
            vec![
                Value::Text(r.text(1)),
                Value::Text(r.text(2)),
                Value::Text(r.text(3)),
                Value::Int8(r.int8(4)),
                Value::Bool(!active || kept > share),
                Value::Uuid(r.uuid(6)),
            ]
        };
        Ok(Answer::Rows(mine.iter().map(row).collect()))
    })
}

fn turns_of<'a>(relay: &Label, session: &Session) -> Args<'a> {
    Args::new().text(relay).int4(session.generation)
}

/// How many sinks a relay has at most, as many as there are now.
fn share(spi: &Spi, session: &Session, now: Moment) -> usize {
    let args = Args::new().int4(session.generation).moment(now);
    let counts = spi.execute(plans::COUNT_SHARES.plan(spi), &args);
    let count = |column| counts.first().map_or(0, |row| row.int8(column));
    let size = |count: i64| usize::try_from(count).unwrap_or(0);
    sink::share(size(count(1)), size(count(2)))
}

/// Gives one back; or all, at a relay's end. Returns how many.
fn give_turns(call: &Call) -> Result<Answer, Refusal> {
    let relay = Label::required("relay", call.text(0))?;
    let sink = call.text(1).map(|name| sink::name("sink", Some(name))).transpose()?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        if sink.is_none() {
            spi.execute(plans::RELAY_ENDS.plan(spi), &Args::new().text(&relay));
        }
        let args = Args::new().text(&relay).maybe_text(sink.as_deref());
        let given = spi.execute(plans::GIVE_TURNS.plan(spi), &args).processed();
        Ok(Answer::Scalar(Value::Int4(i32::try_from(given).unwrap_or(i32::MAX))))
    })
}

/// An event that is parked.
struct Parked {
    id: i64,
    sku: Option<String>,
    attempts: i32,
    /// Microseconds until it is tried again. None: it is dead, or if it was never tried, waits behind another.
    wait: Option<i64>,
    error: Option<String>,
}

impl Parked {
    fn is_dead(&self) -> bool {
        self.attempts > 0 && self.wait.is_none()
    }

    fn all(call: &Call) -> Result<Vec<Parked>, Refusal> {
        let ids = call.int8s("park_ids", 5)?.unwrap_or_default();
        let skus = call.texts("park_skus", 6)?.unwrap_or_default();
        let attempts = call.int4s("park_attempts", 7)?.unwrap_or_default();
        let waits = call.intervals("park_waits", 8)?.unwrap_or_default();
        let errors = call.texts("park_errors", 9)?.unwrap_or_default();
        let many = ids.len();
        let lengths = [skus.len(), attempts.len(), waits.len(), errors.len()];
        if many > LINES_MAX || lengths.iter().any(|length| *length != many) {
            let detail = format!("the arrays must have the same length, at most {LINES_MAX}");
            return Err(Refusal::invalid(detail));
        }
        let parked = |at: usize| {
            let wait: Option<Option<i64>> = waits[at];
            let wait = wait.map(|wait| {
                let wait = wait.filter(|micros| (0..=WAIT_MAX).contains(micros));
                wait.ok_or_else(|| Refusal::invalid("a wait must be 0 to 1 day"))
            });
            Ok(Parked {
                id: required("park_ids", ids[at])?,
                sku: Label::optional("park_skus", skus[at])?.map(|sku| sku.to_string()),
                attempts: required("park_attempts", attempts[at])?.max(0),
                wait: wait.transpose()?,
                error: errors[at].map(sink::error),
            })
        };
        (0..many).map(parked).collect()
    }

    fn keep(&self, spi: &Spi, sink: &str, now: Moment) {
        let status = if self.is_dead() { "DEAD" } else { "RETRY" };
        let args = Args::new()
            .text(sink)
            .int8(self.id)
            .maybe_text(self.sku.as_deref())
            .text(status)
            .int4(self.attempts)
            .maybe_moment(self.wait.map(|micros| now.plus(micros)))
            .maybe_text(self.error.as_deref())
            .moment(now);
        spi.execute(plans::PARK.plan(spi), &args);
    }
}

/// Gives whether it was saved: nothing is, where the turn is over.
fn save_progress(call: &Call) -> Result<Answer, Refusal> {
    let sink = sink::name("sink", call.text(0))?;
    let turn = required("turn", call.int8(1))?;
    let cursor = call.text(2).map(|text| Cursor::parse(&text)).transpose()?;
    let delivered = required("delivered", call.int8(3))?.max(0);
    let settled = call.int8s("settled", 4)?.unwrap_or_default();
    if settled.len() > LINES_MAX {
        return Err(Refusal::invalid(format!("at most {LINES_MAX} events a call")));
    }
    let parked = Parked::all(call)?;
    let failure = call.text(10).map(|text| sink::error(&text));
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        if let Some(cursor) = &cursor {
            cursor.check_generation(session.generation)?;
        }
        let gives_up = parked.iter().any(Parked::is_dead);
        if gives_up {
            // Before its cursor, as everybody locks them.
            spi.execute(plans::LOCK_SINK.plan(spi), &Args::new().text(&sink));
        }
        let now = server::now();
        let args = Args::new().text(&sink).int8(turn).int8(delivered);
        let args = args.maybe_text(failure.as_deref()).moment(now);
        if spi.execute(plans::SAVE_TURN.plan(spi), &args).processed() == 0 {
            return Ok(Answer::Scalar(Value::Bool(false)));
        }
        if let Some(cursor) = &cursor {
            let args = sinks::cursor_args(Args::new().text(&sink), cursor);
            spi.execute(plans::SAVE_CURSOR.plan(spi), &args);
        }
        let args = Args::new().text(&sink).int8s(settled.into_iter());
        spi.execute(plans::SETTLE.plan(spi), &args);
        parked.iter().for_each(|event| event.keep(spi, &sink, now));
        if gives_up && dead(spi, &sink) > DEAD_MAX {
            sinks::keep(spi, &session, &sink, "PAUSED");
        }
        Ok(Answer::Scalar(Value::Bool(true)))
    })
}

/// How many events a sink refused for good.
fn dead(spi: &Spi, sink: &str) -> i64 {
    let count = spi.execute(plans::COUNT_DEAD.plan(spi), &Args::new().text(sink));
    count.first().map_or(0, |row| row.int8(1))
}

/// `id, generation, event_type, sku, payload, trace_id, at, attempts, due`: all that waits to be sent
/// again, in order; what it is about only of those whose time has come.
fn due_events(call: &Call) -> Result<Answer, Refusal> {
    let sink = sink::name("sink", call.text(0))?;
    let max = required("max_events", call.int4(1))?;
    if !usize::try_from(max).is_ok_and(|max| (1..=LINES_MAX).contains(&max)) {
        return Err(Refusal::invalid(format!("max_events must be 1 to {LINES_MAX}")));
    }
    spi::connect(|spi| {
        session::current(spi)?;
        let args = Args::new().text(&sink).int8(max.into()).moment(server::now());
        let rows = spi.execute(plans::DUE_EVENTS.plan(spi), &args);
        let row = |r: Row<'_>| {
            vec![
                Value::Int8(r.int8(1)),
                r.maybe_int4(2).map_or(Value::Null, Value::Int4),
                Value::maybe_text(r.maybe_text(3)),
                Value::maybe_text(r.maybe_text(4)),
                r.maybe_bytes(5).map_or(Value::Null, Value::Bytes),
                Value::maybe_text(r.maybe_text(6)),
                Value::maybe_moment(r.maybe_moment(7)),
                Value::Int4(r.int4(8)),
                Value::Bool(r.bool(9)),
            ]
        };
        Ok(Answer::Rows(rows.iter().map(row).collect()))
    })
}

/// A dead event is tried again at once, as if it never had been; one that waits to be tried, too.
fn redrive(call: &Call) -> Result<Answer, Refusal> {
    let id = required("event_id", call.int8(0))?;
    let sink = call.text(1).map(|name| sink::name("sink", Some(name))).transpose()?;
    let origin = origin(call, 2)?;
    let content = Content::of("redrive").int(id).maybe_text(sink.as_deref()).finish();
    let done = once(origin, content, |spi, _, once| {
        let args = || Args::new().int8(id).maybe_text(sink.as_deref());
        if spi.execute(plans::LOCK_PARKED.plan(spi), &args()).len() == 0 {
            let whose =
                sink.as_deref().map_or("any sink".to_owned(), |sink| format!("sink {sink}"));
            return Err(Refusal::invalid(format!(
                "event {id} is neither dead nor waiting for {whose}"
            )));
        }
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        spi.execute(plans::REDRIVE.plan(spi), &args().moment(server::now()));
        Ok(once.answer(spi, true))
    })?;
    Ok(Answer::Row(&CHANGED, vec![ok(), Value::Bool(done.created), Value::Bool(done.replayed)]))
}
