//! Sagas: `begin_saga`, `claim_sagas`, `advance_saga`, `retry_saga`.
//!
//! A coordinator takes up what is due, and is told call by call what to ask whom; what came of a call
//! it tells with the next. Its fence is compared under the saga's lock, so one that lost a saga changes
//! nothing any more. Steps of the engine are done here, in the transaction of their mark.

mod locked;
mod told;

use super::holds::new_hold;
use super::once::once;
use super::{ok, origin};
use crate::engine::Patience;
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args};
use crate::{plans, session, sql_function};
use inventory_core::command::RequestId;
use inventory_core::fingerprint::Content;
use inventory_core::hold::{HoldId, Ttl};
use inventory_core::saga;
use inventory_core::text::{Label, required};
use inventory_core::{Code, Refusal};
use locked::{Saga, next};
use pgrx::pg_sys::{BOOLOID, TEXTOID, UUIDOID};
use told::{DEFINITION_MAX, INPUT_MAX, Report, definition, object, parsed, wanted};

sql_function!(begin_saga);
sql_function!(claim_sagas);
sql_function!(advance_saga);
sql_function!(retry_saga);

/// The most sagas that are taken up at once.
const CLAIM_MAX: i32 = 1_000;
/// Why a saga waits in a database that is a copy: the one that it is a copy of may go on with it.
const COPIED: &str =
    "the database was restored, cloned or promoted since: see that no other goes on with this saga";

static BEGUN: Shape = Shape {
    name: "begun",
    columns: &[(c"saga_id", UUIDOID), (c"state", TEXTOID), (c"replayed", BOOLOID)],
};

static RETRIED: Shape = Shape {
    name: "retried",
    columns: &[(c"code", TEXTOID), (c"state", TEXTOID), (c"replayed", BOOLOID)],
};

/// Nothing is done yet: whoever coordinates takes it up.
fn begin_saga(call: &Call) -> Result<Answer, Refusal> {
    let name = required("name", call.text(0))?;
    saga::check_name("name", &name)?;
    let defined = definition(&object("definition", call.json(1), DEFINITION_MAX)?)?;
    defined.check()?;
    let input = object("input", call.json(2), INPUT_MAX)?;
    let told = parsed("input", &input)?;
    if defined.reserves() {
        wanted(&told)?;
    }
    let defined = serde_json::to_string(&defined)
        .map_err(|error| Refusal::invalid(format!("definition: {error}")))?;
    let origin = origin(call, 3)?;
    let request_id = origin.request_id;
    // Not the definition: a repeat is one, whatever became of the file since.
    let content = Content::of("begin_saga").text(&name).text(&input).finish();
    let fresh = new_hold();
    let done = once(origin, content, |spi, session, once| {
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        let args = Args::new()
            .uuid(&fresh.0)
            .text(&name)
            .text(&defined)
            .text(&input)
            .maybe_uuid(request_id.as_ref().map(|id| &id.0))
            .maybe_text(once.origin.operator.as_deref())
            .maybe_text(once.origin.trace_id.as_deref())
            .moment(server::now())
            .int4(session.generation);
        spi.execute(plans::INSERT_SAGA.plan(spi), &args);
        Ok(once.answer(spi, true))
    })?;
    let id = if done.replayed { of_request(request_id)? } else { fresh };
    let row = vec![Value::Uuid(id.0), Value::text("RUNNING"), Value::Bool(done.replayed)];
    Ok(Answer::Row(&BEGUN, row))
}

fn of_request(id: Option<RequestId>) -> Result<HoldId, Refusal> {
    let id = id.unwrap_or(RequestId([0; 16]));
    let found = spi::connect(|spi| {
        let rows = spi.execute(plans::SAGA_OF_REQUEST.plan(spi), &Args::new().uuid(&id.0));
        rows.first().map(|row| HoldId(row.uuid(1)))
    });
    found.ok_or_else(|| {
        Refusal::new(Code::UnknownSaga, "the saga of this request ended and was forgotten")
    })
}

fn saga_id(call: &Call) -> Result<HoldId, Refusal> {
    required("saga_id", call.uuid(0)).map(HoldId)
}

/// `saga_id, fence`, a row a saga; they are the caller's until `ttl` is over.
fn claim_sagas(call: &Call) -> Result<Answer, Refusal> {
    let holder = Label::required("holder", call.text(0))?;
    let ttl = Ttl::new(required("ttl", call.interval(1))?)?;
    let most = required("max_sagas", call.int4(2))?;
    if !(1..=CLAIM_MAX).contains(&most) {
        return Err(Refusal::invalid(format!("max_sagas must be 1 to {CLAIM_MAX}, got {most}")));
    }
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let now = server::now();
        let args = Args::new().text(&holder).moment(now).moment(now.plus(ttl.micros()));
        let args = args.int8(most.into()).int4(session.generation).text(COPIED);
        let rows = spi.execute(plans::CLAIM_SAGAS.plan(spi), &args);
        let row = |row: spi::Row<'_>| vec![Value::Uuid(row.uuid(1)), Value::Int8(row.int8(2))];
        Ok(Answer::Rows(rows.iter().filter(|row| row.bool(3)).map(row).collect()))
    })
}

/// `next` is `call` (with what to ask whom), `again` (come again at once), `pause`, `needs_attention`,
/// `completed`, `reverted`, or `lost`. Without `ttl` the saga is put down after the report.
fn advance_saga(call: &Call) -> Result<Answer, Refusal> {
    let id = saga_id(call)?;
    let fence = required("fence", call.int8(1))?;
    let ttl = call.interval(2).map(Ttl::new).transpose()?;
    let report = Report::of(call)?;
    spi::connect(|spi| {
        let session = session::writing(spi, Patience::Wait)?;
        let held =
            Saga::lock(spi, &session, id)?.filter(|saga| saga.fence == fence && saga.under_way());
        let held = held.filter(|saga| saga.stored_generation == saga.generation);
        let Some(mut saga) = held else { return Ok(next("lost")) };
        if let Some(report) = report
            && let Some(rest) = saga.take_in(spi, &report)?
        {
            return Ok(rest);
        }
        match ttl {
            Some(ttl) => saga.go_on(spi, ttl.micros()),
            None => Ok(saga.rest(spi, 0)),
        }
    })
}

fn retry_saga(call: &Call) -> Result<Answer, Refusal> {
    let id = saga_id(call)?;
    let revert = required("revert", call.bool(1))?;
    let content = Content::of("retry_saga").text(&id.text()).int(revert.into()).finish();
    // What is remembered for a repeat is which way it goes on.
    let done = once(origin(call, 2)?, content, |spi, session, once| {
        let unknown =
            || Refusal::new(Code::UnknownSaga, format!("saga {} does not exist", id.text()));
        let mut saga = Saga::lock(spi, session, id)?.ok_or_else(unknown)?;
        if saga.state != "NEEDS_ATTENTION" {
            let detail = format!("saga {} is {}", id.text(), saga.state);
            return Err(Refusal::new(Code::NothingToRetry, detail));
        }
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        for (call, _) in saga.progress.retry(revert) {
            saga.keep_mark(spi, call, None, None);
        }
        saga.keep(spi, saga.running(), None, Some(0));
        Ok(once.answer(spi, saga.progress.reverting()))
    })?;
    let state = if done.created { "REVERTING" } else { "RUNNING" };
    Ok(Answer::Row(&RETRIED, vec![ok(), Value::text(state), Value::Bool(done.replayed)]))
}
