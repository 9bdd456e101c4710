//! A saga under its lock: what came of a call is taken in, and the next one is marked.

use super::told::{Report, definition, parsed, short, wanted};
use crate::api::holds::new_hold;
use crate::engine::{self, Outcome as Ended, Patience, Task};
use crate::pg::call::{Answer, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::plans;
use crate::session::Session;
use inventory_core::command::{Action, Command, Origin};
use inventory_core::hold::{HoldId, HoldState};
use inventory_core::saga::{
    self, CallState, Definition, Direction, Engine, Mark, Next, Outcome, Progress, Told,
};
use inventory_core::text::Label;
use inventory_core::{Code, Refusal};
use pgrx::pg_sys::{INT4OID, JSONBOID, TEXTOID};
use serde_json::json;

static ADVANCED: Shape = Shape {
    name: "advanced",
    columns: &[
        (c"next", TEXTOID),
        (c"step", INT4OID),
        (c"direction", TEXTOID),
        (c"call", JSONBOID),
    ],
};

/// A saga under its lock.
pub(super) struct Saga {
    id: HoldId,
    name: String,
    definition: Definition,
    input: serde_json::Value,
    pub(super) state: String,
    pub(super) fence: i64,
    operator: Option<String>,
    trace_id: Option<String>,
    pub(super) stored_generation: i32,
    /// Of the database now.
    pub(super) generation: i32,
    pub(super) progress: Progress,
    /// By step, of actions that are done.
    answers: Vec<Option<serde_json::Value>>,
}

impl Saga {
    pub(super) fn lock(spi: &Spi, session: &Session, id: HoldId) -> Result<Option<Saga>, Refusal> {
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

    pub(super) fn under_way(&self) -> bool {
        matches!(self.state.as_str(), "RUNNING" | "REVERTING")
    }

    pub(super) fn running(&self) -> &'static str {
        if self.progress.reverting() { "REVERTING" } else { "RUNNING" }
    }

    /// Stores the state; `due` counts from now, in microseconds.
    pub(super) fn keep(&self, spi: &Spi, state: &str, reason: Option<&str>, due: Option<i64>) {
        let now = server::now();
        let args = Args::new().uuid(&self.id.0).text(state).maybe_text(reason);
        let args = args.maybe_moment(due.map(|micros| now.plus(micros))).moment(now);
        spi.execute(plans::KEEP_SAGA.plan(spi), &args.int4(self.generation));
    }

    pub(super) fn keep_mark(
        &self,
        spi: &Spi,
        call: saga::Call,
        answer: Option<&str>,
        detail: Option<&str>,
    ) {
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
    pub(super) fn rest(&self, spi: &Spi, pause: i64) -> Answer {
        self.keep(spi, self.running(), None, Some(pause));
        next("pause")
    }

    /// Takes in what came of a call; gives the answer where that is all for now.
    pub(super) fn take_in(
        &mut self,
        spi: &Spi,
        report: &Report,
    ) -> Result<Option<Answer>, Refusal> {
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
    pub(super) fn go_on(&mut self, spi: &Spi, ttl: i64) -> Result<Answer, Refusal> {
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

/// What is to be done next, where that is no call.
pub(super) fn next(what: &str) -> Answer {
    Answer::Row(&ADVANCED, vec![Value::text(what), Value::Null, Value::Null, Value::Null])
}
