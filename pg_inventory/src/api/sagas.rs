//! Sagas: `begin_saga`, `claim_sagas`, `advance_saga`, `retry_saga`.
//!
//! A coordinator takes up what is due, and is told call by call what to ask whom; what came of a call
//! it tells with the next. Its fence is compared under the saga's lock, so one that lost a saga changes
//! nothing any more. Steps of the engine are done here, in the transaction of their mark.

use super::holds::{new_hold, reason};
use super::once::once;
use super::{ok, origin};
use crate::engine::{self, Outcome as Ended, Patience, Task};
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::session::{self, Session};
use crate::{plans, sql_function};
use inventory_core::command::{
    Action, Command, Line, Origin, Place, Quantity, RequestId, WarehouseId,
};
use inventory_core::fingerprint::Content;
use inventory_core::hold::{HoldId, HoldState, Ttl};
use inventory_core::saga::{
    self, CallState, Definition, Direction, Engine, Mark, Next, Outcome, Progress, Told,
};
use inventory_core::text::{Label, required};
use inventory_core::{Code, LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, INT4OID, JSONBOID, TEXTOID, UUIDOID};
use serde::Deserialize;
use serde_json::json;

sql_function!(begin_saga);
sql_function!(claim_sagas);
sql_function!(advance_saga);
sql_function!(retry_saga);

/// The most bytes of a definition.
const DEFINITION_MAX: usize = 65_536;
/// Of an input: some thousand lines.
const INPUT_MAX: usize = 262_144;
/// Of an answer.
const ANSWER_MAX: usize = 16_384;
/// The most levels of an input or an answer: both are told again inside of other documents, and those who read
/// them go no deeper than 128.
const LEVELS_MAX: usize = 64;
/// The most characters that are kept of why a call was not done.
const DETAIL_MAX: usize = 500;
/// The most sagas that are taken up at once.
const CLAIM_MAX: i32 = 1_000;
/// Why a saga waits in a database that is a copy: the one that it is a copy of may go on with it.
const COPIED: &str =
    "the database was restored, cloned or promoted since: see that no other goes on with this saga";
/// Seconds for which goods are held where the input says nothing: the tries of a step, and then some.
const HOLD_SECONDS: i64 = 3_600;

static BEGUN: Shape = Shape {
    name: "begun",
    columns: &[(c"saga_id", UUIDOID), (c"state", TEXTOID), (c"replayed", BOOLOID)],
};

static ADVANCED: Shape = Shape {
    name: "advanced",
    columns: &[
        (c"next", TEXTOID),
        (c"step", INT4OID),
        (c"direction", TEXTOID),
        (c"call", JSONBOID),
    ],
};

static RETRIED: Shape = Shape {
    name: "retried",
    columns: &[(c"code", TEXTOID), (c"state", TEXTOID), (c"replayed", BOOLOID)],
};

/// What a saga that holds goods is told of them.
#[derive(Deserialize)]
struct Goods {
    lines: Vec<Wanted>,
    ttl_seconds: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    sku: Option<String>,
    quantity: Option<i64>,
    warehouse_id: Option<i32>,
    lot: Option<String>,
}

impl Wanted {
    fn line(self) -> Result<Line, Refusal> {
        Ok(Line {
            place: Place {
                sku: Label::required("sku", self.sku)?,
                warehouse_id: WarehouseId::used("warehouse_id", self.warehouse_id.or(Some(1)))?,
            },
            lot: Label::optional("lot", self.lot)?,
            quantity: Quantity::new(self.quantity)?,
            reason: reason(),
        })
    }
}

/// The hold that a saga's input asks for.
fn wanted(input: &serde_json::Value) -> Result<(Vec<Line>, Ttl), Refusal> {
    let goods = Goods::deserialize(input).map_err(|error| {
        Refusal::invalid(format!(
            r#"input must have "lines", a list of {{"sku", "quantity", "warehouse_id"?, "lot"?}}: {error}"#
        ))
    })?;
    if !(1..=LINES_MAX).contains(&goods.lines.len()) {
        let got = goods.lines.len();
        return Err(Refusal::invalid(format!("input.lines: 1 to {LINES_MAX} of them, got {got}")));
    }
    let ttl = Ttl::new(goods.ttl_seconds.unwrap_or(HOLD_SECONDS).checked_mul(1_000_000))?;
    Ok((goods.lines.into_iter().map(Wanted::line).collect::<Result<_, Refusal>>()?, ttl))
}

fn object(what: &str, json: Option<String>, max: usize) -> Result<String, Refusal> {
    let text = required(what, json)?;
    if !text.starts_with('{') {
        return Err(Refusal::invalid(format!("{what} must be a JSON object")));
    }
    if text.len() > max {
        return Err(Refusal::invalid(format!("{what} must have at most {max} bytes")));
    }
    Ok(text)
}

fn definition(text: &str) -> Result<Definition, Refusal> {
    serde_json::from_str(text).map_err(|error| Refusal::invalid(format!("definition: {error}")))
}

/// PostgreSQL keeps what no participant could be told: numbers beyond all measure, lists in lists without end.
fn parsed(what: &str, text: &str) -> Result<serde_json::Value, Refusal> {
    let wrong = |said: String| Refusal::invalid(format!("{what}: {said}"));
    let value = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
    if levels(&value) > LEVELS_MAX {
        return Err(wrong(format!("at most {LEVELS_MAX} levels of lists and objects")));
    }
    Ok(value)
}

fn levels(value: &serde_json::Value) -> usize {
    let deepest = match value {
        serde_json::Value::Array(list) => list.iter().map(levels).max(),
        serde_json::Value::Object(object) => object.values().map(levels).max(),
        _ => return 0,
    };
    1 + deepest.unwrap_or(0)
}

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

/// What a coordinator tells of the call it made.
struct Report {
    call: saga::Call,
    outcome: Outcome,
    answer: Option<String>,
    detail: Option<String>,
}

impl Report {
    fn of(call: &Call) -> Result<Option<Report>, Refusal> {
        let Some(outcome) = call.text(5) else { return Ok(None) };
        let unknown = || Refusal::invalid("outcome must be done, refused, working or unknown");
        let outcome = Outcome::from_name(&outcome).ok_or_else(unknown)?;
        let step = required("step", call.int4(3))?;
        let step = usize::try_from(step.saturating_sub(1));
        let step = step.map_err(|_| Refusal::invalid("step must be 1 or more"))?;
        let unknown = || Refusal::invalid("direction must be action or compensation");
        let direction = required("direction", call.text(4))?;
        let direction = Direction::from_name(&direction).ok_or_else(unknown)?;
        let (answer, lost) = match call.json(6).map(kept).transpose() {
            Ok(answer) => (answer, None),
            Err(refusal) => (None, Some(format!("without its answer, {}", refusal.detail))),
        };
        let detail = call.text(7).or(lost).map(|detail| short(&detail));
        Ok(Some(Report { call: saga::Call { step, direction }, outcome, answer, detail }))
    }
}

/// An answer that can be kept. What was done is done whatever was said of it, so one that cannot is no reason
/// to refuse the report: it would come again and again.
fn kept(answer: String) -> Result<String, Refusal> {
    if answer.len() > ANSWER_MAX {
        return Err(Refusal::invalid(format!("answer: at most {ANSWER_MAX} bytes")));
    }
    parsed("answer", &answer).map(|_| answer)
}

fn short(detail: &str) -> String {
    detail.chars().filter(|c| !c.is_control()).take(DETAIL_MAX).collect()
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

fn next(what: &str) -> Answer {
    Answer::Row(&ADVANCED, vec![Value::text(what), Value::Null, Value::Null, Value::Null])
}

/// A saga under its lock.
struct Saga {
    id: HoldId,
    name: String,
    definition: Definition,
    input: serde_json::Value,
    state: String,
    fence: i64,
    operator: Option<String>,
    trace_id: Option<String>,
    stored_generation: i32,
    /// Of the database now.
    generation: i32,
    progress: Progress,
    /// By step, of actions that are done.
    answers: Vec<Option<serde_json::Value>>,
}

impl Saga {
    fn lock(spi: &Spi, session: &Session, id: HoldId) -> Result<Option<Saga>, Refusal> {
        let found = spi.execute(plans::LOCK_SAGA.plan(spi), &Args::new().uuid(&id.0));
        let Some(row) = found.first() else { return Ok(None) };
        let definition = definition(&row.text(2))?;
        let steps = definition.steps.len();
        let mut saga = Saga {
            id,
            name: row.text(1),
            input: parsed("input", &row.text(3))?,
            state: row.text(4),
            fence: row.int8(5),
            operator: row.maybe_text(6),
            trace_id: row.maybe_text(7),
            stored_generation: row.int4(8),
            generation: session.generation,
            progress: Progress::new(steps),
            answers: vec![None; steps],
            definition,
        };
        saga.read_steps(spi)?;
        Ok(Some(saga))
    }

    fn read_steps(&mut self, spi: &Spi) -> Result<(), Refusal> {
        let rows = spi.execute(plans::SAGA_STEPS.plan(spi), &Args::new().uuid(&self.id.0));
        for row in rows.iter() {
            let (Some(direction), Some(state)) =
                (Direction::from_name(&row.text(2)), CallState::from_name(&row.text(3)))
            else {
                continue; // the table's own checks let no other in
            };
            let step = usize::try_from(row.int4(1).saturating_sub(1)).unwrap_or(usize::MAX);
            let mark = Mark { state, asked: row.int4(4), tries: row.int4(5) };
            self.progress.put(saga::Call { step, direction }, mark);
            if direction == Direction::Action
                && let (Some(answer), Some(kept)) = (row.maybe_text(6), self.answers.get_mut(step))
            {
                *kept = Some(parsed("answer", &answer)?);
            }
        }
        Ok(())
    }

    fn under_way(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "REVERTING")
    }

    fn running(&self) -> &'static str {
        if self.progress.reverting() { "REVERTING" } else { "RUNNING" }
    }

    /// Stores the state; `due` counts from now, in microseconds.
    fn keep(&self, spi: &Spi, state: &str, reason: Option<&str>, due: Option<i64>) {
        let now = server::now();
        let args = Args::new().uuid(&self.id.0).text(state).maybe_text(reason);
        let args = args.maybe_moment(due.map(|micros| now.plus(micros))).moment(now);
        spi.execute(plans::KEEP_SAGA.plan(spi), &args.int4(self.generation));
    }

    fn keep_mark(&self, spi: &Spi, call: saga::Call, answer: Option<&str>, detail: Option<&str>) {
        let Some(mark) = self.progress.mark(call) else { return };
        let args = Args::new()
            .uuid(&self.id.0)
            .int4(i32::try_from(call.step).unwrap_or(i32::MAX).saturating_add(1))
            .text(call.direction.as_str())
            .text(mark.state.as_str())
            .int4(mark.asked)
            .int4(mark.tries)
            .maybe_text(answer)
            .maybe_text(detail)
            .moment(server::now());
        spi.execute(plans::KEEP_SAGA_STEP.plan(spi), &args);
    }

    /// Puts it down for so long; anybody may take it up then.
    fn rest(&self, spi: &Spi, pause: i64) -> Answer {
        self.keep(spi, self.running(), None, Some(pause));
        next("pause")
    }

    /// Takes in what came of a call; gives the answer where that is all for now.
    fn take_in(&mut self, spi: &Spi, report: &Report) -> Result<Option<Answer>, Refusal> {
        let step = self.definition.steps.get(report.call.step);
        let step = step.ok_or_else(|| Refusal::invalid("the saga has no such step"))?;
        let calling = |mark: Mark| mark.state == CallState::Calling;
        if !self.progress.mark(report.call).is_some_and(calling) {
            return Ok(None);
        }
        let (name, retry) = (step.name.clone(), step.retry);
        let chance = f64::from(u16::from_le_bytes(server::chance())) / f64::from(u16::MAX);
        let told = self.progress.tell(report.call, report.outcome, &retry, chance);
        let answer = report.answer.as_deref().filter(|_| report.outcome == Outcome::Done);
        self.keep_mark(spi, report.call, answer, report.detail.as_deref());
        if let Some(answer) = answer.filter(|_| report.call.direction == Direction::Action) {
            self.answers[report.call.step] = Some(parsed("answer", answer)?);
        }
        Ok(match told {
            Told::GoOn => None,
            Told::Pause(micros) => Some(self.rest(spi, micros)),
            Told::NeedsAttention => {
                let detail = report.detail.as_deref().unwrap_or(report.outcome.as_str());
                Some(self.call_somebody(spi, &name, report.call.direction, detail))
            }
        })
    }

    fn call_somebody(&self, spi: &Spi, step: &str, way: Direction, detail: &str) -> Answer {
        let reason = format!("{} of step {step}: {detail}", way.as_str());
        self.keep(spi, "NEEDS_ATTENTION", Some(&reason), None);
        next("needs_attention")
    }

    /// Does what is the engine's, up to one step of it, or marks the next call of a service.
    fn go_on(&mut self, spi: &Spi, ttl: i64) -> Result<Answer, Refusal> {
        loop {
            let call = match self.progress.next() {
                Next::Ask(call) => call,
                Next::Completed => return Ok(self.end(spi, "COMPLETED", "completed")),
                Next::Reverted => return Ok(self.end(spi, "REVERTED", "reverted")),
            };
            let step = &self.definition.steps[call.step];
            let word = match call.direction {
                Direction::Action => Some(step.action.clone()),
                Direction::Compensation => step.compensation.clone(),
            };
            let engine = step.of_engine();
            match word {
                Some(word) if engine => return self.in_engine(spi, call, &word, ttl),
                Some(word) => return Ok(self.ask(spi, call, &word, ttl)),
                None => {
                    self.progress.ask(call);
                    let retry = self.definition.steps[call.step].retry;
                    self.progress.tell(call, Outcome::Done, &retry, 0.0);
                    self.keep_mark(spi, call, None, Some("nothing undoes it"));
                }
            }
        }
    }

    fn end(&self, spi: &Spi, state: &str, said: &str) -> Answer {
        self.keep(spi, state, None, None);
        next(said)
    }

    /// Marks a call of a service and says what to ask it. The saga is due again, for anybody, once an
    /// answer should be there.
    fn ask(&mut self, spi: &Spi, call: saga::Call, word: &str, ttl: i64) -> Answer {
        self.progress.ask(call);
        self.keep_mark(spi, call, None, None);
        let step = &self.definition.steps[call.step];
        let timeout = i64::from(step.timeout_ms) * 1_000;
        self.keep(spi, self.running(), None, Some(ttl.saturating_add(timeout)));
        let named = |(step, answer): (&saga::Step, &Option<serde_json::Value>)| {
            answer.clone().map(|answer| (step.name.clone(), answer))
        };
        let answers = self.definition.steps.iter().zip(&self.answers).filter_map(named);
        let what = json!({
            "participant": step.participant, "call": word, "timeout_ms": step.timeout_ms,
            "trace_id": self.trace_id,
            "body": {
                "saga_id": self.id.text(), "saga": self.name, "step": step.name,
                "step_id": format!("{}.{}", self.id.text(), step.name),
                "direction": call.direction.as_str(), "input": self.input,
                "answers": answers.collect::<serde_json::Map<_, _>>(),
            },
        });
        let number = i32::try_from(call.step).unwrap_or(i32::MAX).saturating_add(1);
        let direction = Value::text(call.direction.as_str());
        let row = vec![Value::text("call"), Value::Int4(number), direction, Value::Json(what)];
        Answer::Row(&ADVANCED, row)
    }

    /// A step of the engine: its movements and its mark are one transaction.
    fn in_engine(
        &mut self,
        spi: &Spi,
        call: saga::Call,
        word: &str,
        ttl: i64,
    ) -> Result<Answer, Refusal> {
        self.progress.ask(call);
        let (outcome, answer, detail) = self.engine(spi, word)?;
        let step = &self.definition.steps[call.step];
        let (name, retry) = (step.name.clone(), step.retry);
        let told = self.progress.tell(call, outcome, &retry, 0.0);
        let text = answer.as_ref().map(serde_json::Value::to_string);
        self.keep_mark(spi, call, text.as_deref(), detail.as_deref());
        if told == Told::NeedsAttention {
            let detail = detail.unwrap_or_default();
            return Ok(self.call_somebody(spi, &name, call.direction, &detail));
        }
        if call.direction == Direction::Action {
            self.answers[call.step] = answer;
        }
        // The end needs no transaction of its own.
        match self.progress.next() {
            Next::Ask(_) => {
                self.keep(spi, self.running(), None, Some(ttl));
                Ok(next("again"))
            }
            Next::Completed | Next::Reverted => self.go_on(spi, ttl),
        }
    }

    /// What came of it, the answer for the steps after it, and why it was refused.
    fn engine(
        &self,
        spi: &Spi,
        word: &str,
    ) -> Result<(Outcome, Option<serde_json::Value>, Option<String>), Refusal> {
        let engine = Engine::from_name(word)
            .ok_or_else(|| Refusal::invalid(format!("the engine knows no {word}")))?;
        let Some(action) = self.action(engine)? else {
            return Ok((Outcome::Done, None, Some("nothing is held".to_owned())));
        };
        let origin = Origin {
            request_id: None,
            operator: Label::optional("operator", self.operator.clone())?,
            trace_id: Label::optional("trace_id", self.trace_id.clone())?,
            user: None,
        };
        let task = Task { places: Vec::new(), command: Ok(Command { origin, action }) };
        match engine::execute(spi, &[task], Patience::Wait)?.pop() {
            Some(Ended::Accepted(answer)) => Ok((Outcome::Done, told(engine, &answer), None)),
            Some(Ended::Refused(refusal, _)) => {
                let gone = engine == Engine::Release && self.gone(spi, refusal.code);
                let outcome = if gone { Outcome::Done } else { Outcome::Refused };
                let detail = format!("{}: {}", refusal.code.as_str(), refusal.detail);
                Ok((outcome, None, Some(short(&detail))))
            }
            None => Err(Refusal::invalid("nothing was asked for")),
        }
    }

    fn action(&self, engine: Engine) -> Result<Option<Action>, Refusal> {
        if engine == Engine::Reserve {
            let (lines, ttl) = wanted(&self.input)?;
            return Ok(Some(Action::Reserve { hold: new_hold(), lines, ttl }));
        }
        let Some(hold) = self.hold() else { return Ok(None) };
        Ok(Some(match engine {
            Engine::Confirm => Action::Confirm { hold, quantity: None },
            _ => Action::Release { hold, reason: Label::fixed("saga reverted") },
        }))
    }

    /// What its reserving step holds.
    fn hold(&self) -> Option<HoldId> {
        let reserves = |step: &saga::Step| step.of_engine() && step.action == "reserve";
        let at = self.definition.steps.iter().position(reserves)?;
        HoldId::parse(self.answers[at].as_ref()?["reservation_id"].as_str()?)
    }

    /// Whether a hold that cannot be released gives its goods back without that: its time was over, or
    /// somebody else released it. Goods that somebody confirmed are out, and not undone.
    fn gone(&self, spi: &Spi, code: Code) -> bool {
        match code {
            Code::ReservationExpired | Code::UnknownReservation => true,
            Code::ReservationClosed => self.hold().is_some_and(|hold| {
                let args = Args::new().uuids([Some(&hold.0)].into_iter());
                let rows = spi.execute(plans::FIND_HOLDS.plan(spi), &args);
                rows.first().is_none_or(|row| row.text(2) != HoldState::Confirmed.as_str())
            }),
            _ => false,
        }
    }
}

/// What the steps after it, and people, want to know of a step of the engine.
fn told(engine: Engine, answer: &engine::Answer) -> Option<serde_json::Value> {
    match engine {
        Engine::Reserve => answer.hold.map(|(id, _)| json!({ "reservation_id": id.text() })),
        Engine::Confirm => answer.order.map(|order| json!({ "order_no": order.text() })),
        Engine::Release => None,
    }
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
