//! Repair tickets: `report_findings`, `confirm_ticket`, `reject_ticket`, `run_ticket`.

use super::once::{Done, Once, once};
use super::{ok, origin};
use crate::engine::{self, Outcome, Patience, Task};
use crate::pg::call::{Answer, Call, Shape, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Row, Spi};
use crate::{plans, session, sql_function};
use inventory_core::command::{Action, Command, Counted, Delta, Origin, Place, RequestId, Truth};
use inventory_core::fingerprint::Content;
use inventory_core::lease::Returner;
use inventory_core::text::{Label, required};
use inventory_core::ticket::{self, Correction, RowName, SourceLevel, TicketState};
use inventory_core::time::Moment;
use inventory_core::{Code, LINES_MAX, Refusal};
use pgrx::pg_sys::{BOOLOID, TEXTOID};

sql_function!(report_findings);
sql_function!(confirm_ticket);
sql_function!(reject_ticket);
sql_function!(run_ticket);

const SCOPES: [&str; 4] = ["database", "redis", "ledger", "shadow"];
/// The most characters that are kept of what a finding says.
const TEXT_MAX: usize = 300;
/// Microseconds for which what came to nothing is kept: longer than any statement of account asks for.
const KEPT: i64 = 400 * 86_400 * 1_000_000;

static DECIDED: Shape = Shape {
    name: "decided",
    columns: &[(c"code", TEXTOID), (c"state", TEXTOID), (c"replayed", BOOLOID)],
};

/// One line of a report.
struct Finding<'c> {
    line: i32,
    kind: &'c str,
    subject: &'c str,
    expected: String,
    found: String,
}

/// `line, ticket_id, state, opened`, a row a finding that still stands: one whose ticket was settled since
/// `looked_at` is left out.
fn report_findings(call: &Call) -> Result<Answer, Refusal> {
    let scope = required("scope", call.text(0))?;
    if !SCOPES.contains(&scope.as_str()) {
        return Err(Refusal::invalid("scope must be database, redis, ledger or shadow"));
    }
    let looked_at = required("looked_at", call.moment(1))?;
    let findings = findings(call)?;
    let complete = required("complete", call.bool(6))?;
    spi::connect(|spi| {
        session::writing(spi, Patience::Wait)?;
        let now = server::now();
        if looked_at > now {
            return Err(Refusal::invalid("looked_at must not be in the future"));
        }
        let mut rows: Vec<(i32, Vec<Value>)> =
            findings.iter().filter_map(|f| keep(spi, &scope, f, now, looked_at)).collect();
        rows.sort_by_key(|(line, _)| *line);
        if complete {
            let args = Args::new().text(&scope).moment(looked_at).moment(now);
            spi.execute(plans::CLOSE_TICKETS.plan(spi), &args);
            let args = Args::new().moment(now.plus(-KEPT));
            spi.execute(plans::FORGET_TICKETS.plan(spi), &args);
        }
        Ok(Answer::Rows(rows.into_iter().map(|(_, row)| row).collect()))
    })
}

/// In the order in which tickets are locked, each once.
fn findings(call: &Call) -> Result<Vec<Finding<'_>>, Refusal> {
    let kinds = required("kinds", call.texts("kinds", 2)?)?;
    let subjects = required("subjects", call.texts("subjects", 3)?)?;
    let expected = required("expected", call.texts("expected", 4)?)?;
    let found = required("found", call.texts("found", 5)?)?;
    let lines = kinds.len();
    if [&subjects, &expected, &found].iter().any(|list| list.len() != lines) || lines > LINES_MAX {
        return Err(Refusal::invalid(format!(
            "the arrays must have the same length, at most {LINES_MAX}"
        )));
    }
    let short = |text: &str| -> String {
        text.chars().filter(|c| !c.is_control()).take(TEXT_MAX).collect()
    };
    let mut findings = Vec::with_capacity(lines);
    for (at, line) in (0..lines).zip(1..) {
        let kind = required("kind", kinds[at])?;
        let subject = required("subject", subjects[at])?;
        if kind.is_empty() || kind.len() > TEXT_MAX || subject.is_empty() || subject.len() > 1_000 {
            return Err(Refusal::invalid("kind and subject must be short texts, and not empty"));
        }
        findings.push(Finding {
            line,
            kind,
            subject,
            expected: short(required("expected", expected[at])?),
            found: short(required("found", found[at])?),
        });
    }
    findings.sort_by_key(|f| (f.kind, f.subject));
    findings.dedup_by_key(|f| (f.kind, f.subject));
    Ok(findings)
}

fn keep(
    spi: &Spi,
    scope: &str,
    finding: &Finding<'_>,
    now: Moment,
    looked_at: Moment,
) -> Option<(i32, Vec<Value>)> {
    let args = Args::new()
        .text(scope)
        .text(finding.kind)
        .text(finding.subject)
        .text(&finding.expected)
        .text(&finding.found)
        .moment(now)
        .moment(looked_at);
    let kept = spi.execute(plans::KEEP_TICKET.plan(spi), &args);
    let ticket = kept.first()?;
    let dropping = Args::new().int8(ticket.int8(1)).moment(looked_at);
    if ticket.bool(3) && spi.execute(plans::DROP_TICKET.plan(spi), &dropping).processed() > 0 {
        return None;
    }
    let row = vec![
        Value::Int4(finding.line),
        Value::Int8(ticket.int8(1)),
        Value::Text(ticket.text(2)),
        Value::Bool(ticket.bool(3)),
    ];
    Some((finding.line, row))
}

/// What somebody counted on the shelf, and by how much that was more or less than what the journal said then,
/// at which version of the row.
#[derive(Clone, Copy)]
struct Count {
    units: i64,
    apart: i64,
    since: i64,
}

/// A ticket under its lock, which is taken before any other.
struct Ticket {
    id: i64,
    kind: String,
    subject: String,
    state: TicketState,
    count: Option<Count>,
    request_id: RequestId,
    decided_by: Option<String>,
    expected: String,
    found: String,
}

impl Ticket {
    fn lock(spi: &Spi, id: i64) -> Result<Ticket, Refusal> {
        session::writing(spi, Patience::Wait)?;
        let found = spi.execute(plans::LOCK_TICKET.plan(spi), &Args::new().int8(id));
        let row = found.first();
        let row = row
            .ok_or_else(|| Refusal::new(Code::UnknownTicket, format!("there is no ticket {id}")))?;
        let count = |row: &Row<'_>| {
            let (units, apart) = (row.maybe_int8(4)?, row.maybe_int8(9)?);
            Some(Count { units, apart, since: row.maybe_int8(10)? })
        };
        let state = TicketState::from_name(&row.text(3));
        Ok(Ticket {
            id,
            kind: row.text(1),
            subject: row.text(2),
            // The table's own check lets no other in.
            state: state.unwrap_or(TicketState::Rejected),
            count: count(&row),
            request_id: RequestId(row.uuid(5)),
            decided_by: row.maybe_text(6),
            expected: row.text(7),
            found: row.text(8),
        })
    }

    fn decide(
        &self,
        spi: &Spi,
        once: &Once,
        to: TicketState,
        count: Option<Count>,
        note: Option<&str>,
    ) -> Result<Done, Refusal> {
        self.state.check(self.id, to)?;
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        self.become_of(spi, to, count, note, once.origin.operator.as_deref());
        Ok(once.answer(spi, true))
    }

    /// Whether it is done; else somebody corrected the row since, and it is pending again.
    fn carry_out(
        &self,
        spi: &Spi,
        operator: Option<Label>,
        trace_id: Option<Label>,
    ) -> Result<bool, Refusal> {
        let decided_by = Label::optional("operator", self.decided_by.as_deref())?;
        let operator = operator.or(decided_by);
        let origin = Origin {
            request_id: Some(self.request_id),
            operator: operator.clone(),
            trace_id,
            user: None,
        };
        let command = Command { origin, action: self.action(spi)? };
        let task = Task { command: Ok(command), places: Vec::new() };
        let outcome = engine::execute(spi, &[task], Patience::Wait);
        let refusal = match outcome.map(|mut outcomes| outcomes.pop()) {
            Err(refusal) | Ok(Some(Outcome::Refused(refusal, _))) => Some(refusal),
            Ok(_) => None,
        };
        match refusal {
            Some(refusal) if refusal.code == Code::VersionConflict => {
                let note = Some(&*refusal.detail);
                self.become_of(spi, TicketState::Pending, None, note, operator.as_deref());
                return Ok(false);
            }
            Some(refusal) => return Err(refusal),
            None => {}
        }
        let args = Args::new().int8(self.id).moment(server::now());
        spi.execute(plans::END_TICKET.plan(spi), &args);
        Ok(true)
    }

    fn become_of(
        &self,
        spi: &Spi,
        to: TicketState,
        count: Option<Count>,
        note: Option<&str>,
        by: Option<&str>,
    ) {
        let user = server::session_user();
        let args = Args::new()
            .int8(self.id)
            .text(to.as_str())
            .maybe_int8(count.map(|count| count.units))
            .maybe_text(note)
            .text(by.unwrap_or(&user))
            .moment(server::now())
            .maybe_int8(count.map(|count| count.apart))
            .maybe_int8(count.map(|count| count.since));
        spi.execute(plans::DECIDE_TICKET.plan(spi), &args);
    }

    /// The command that sets right what it is about.
    fn action(&self, spi: &Spi) -> Result<Action, Refusal> {
        let correction = Correction::of(&self.kind);
        let reason = ticket::reason(self.id, correction)?;
        let lease = || ticket::lease_of_subject(&self.subject).ok_or_else(|| self.by_hand());
        let row = || RowName::of_subject(&self.subject).ok_or_else(|| self.by_hand());
        let mend = |row: RowName, truth| {
            let place = Place { sku: row.sku, warehouse_id: row.warehouse_id };
            Ok(Action::Mend { place, lot: row.lot, truth, reason: reason.clone() })
        };
        match correction {
            Correction::Derived => mend(row()?, Truth::Stock),
            Correction::Row => {
                let truth = self.count.map_or(Truth::Journal, |Count { apart, since, .. }| {
                    Truth::Counted { apart, since }
                });
                mend(row()?, truth)
            }
            Correction::Shadow => {
                let row = row()?;
                let level = Counted::new(level_of_source(spi, &row))?;
                mend(row, Truth::Level(level))
            }
            Correction::Source => {
                let level = SourceLevel::of_texts(&self.expected, &self.found);
                let level = level.ok_or_else(|| self.by_hand())?;
                let delta = Delta::new(level.delta())?;
                mend(row()?, Truth::Apart { delta, since: level.version })
            }
            Correction::Lease => Ok(Action::MendLease { lease: lease()?, reason }),
            Correction::ReturnLease => {
                let by = Returner::Repair { overdue: 0, reason };
                Ok(Action::ReturnLease { lease: lease()?, by })
            }
            Correction::ByHand => Err(self.by_hand()),
        }
    }

    /// Compares what was counted with what the journal says now.
    fn count(&self, spi: &Spi, counted: Counted) -> Result<Count, Refusal> {
        if Correction::of(&self.kind) != Correction::Row {
            let detail =
                format!("counted is for a stock row, which ticket {} is not about", self.id);
            return Err(Refusal::invalid(detail));
        }
        let row = RowName::of_subject(&self.subject).ok_or_else(|| self.by_hand())?;
        let place = Place { sku: row.sku, warehouse_id: row.warehouse_id };
        let told = engine::mend::told(spi, &place, row.lot.as_ref());
        let told = told.ok_or_else(|| self.by_hand())?;
        let units = counted.units();
        let apart = units.checked_sub(told.on_hand).ok_or_else(|| self.by_hand())?;
        Ok(Count { units, apart, since: told.version })
    }

    fn by_hand(&self) -> Refusal {
        Refusal::invalid(format!(
            "what ticket {} is about ({}: {}) has to be set right by hand; its ticket closes when it is found no more",
            self.id, self.kind, self.subject
        ))
    }
}

/// What the source of a shadow had, while nothing more is fed.
fn level_of_source(spi: &Spi, row: &RowName) -> Option<i64> {
    spi.execute(plans::LOCK_SHADOWS.plan(spi), &Args::new());
    let args = Args::new().text(&row.sku).int4(row.warehouse_id.number());
    let args = args.text(row.lot.as_ref().map_or("", |lot| &**lot));
    spi.execute(plans::SHADOW_ROW.plan(spi), &args).first().map(|row| row.int8(1))
}

fn ticket_id(call: &Call) -> Result<i64, Refusal> {
    required("ticket_id", call.int8(0))
}

fn confirm_ticket(call: &Call) -> Result<Answer, Refusal> {
    let id = ticket_id(call)?;
    let counted = call.int8(1).map(|units| Counted::new(Some(units))).transpose()?;
    let content = Content::of("confirm_ticket").int(id).maybe_int(counted.map(Counted::units));
    let done = once(origin(call, 2)?, content.finish(), |spi, _, once| {
        let ticket = Ticket::lock(spi, id)?;
        ticket.action(spi)?;
        let count = counted.map(|counted| ticket.count(spi, counted)).transpose()?;
        ticket.decide(spi, once, TicketState::Confirmed, count, None)
    })?;
    Ok(answer(TicketState::Confirmed, done.replayed))
}

fn reject_ticket(call: &Call) -> Result<Answer, Refusal> {
    let id = ticket_id(call)?;
    let reason = Label::required("reason", call.text(1))?;
    let content = Content::of("reject_ticket").int(id).text(&reason).finish();
    let done = once(origin(call, 2)?, content, |spi, _, once| {
        let ticket = Ticket::lock(spi, id)?;
        ticket.decide(spi, once, TicketState::Rejected, ticket.count, Some(&reason))
    })?;
    Ok(answer(TicketState::Rejected, done.replayed))
}

/// The correction and the end of its ticket are one transaction; the second run finds it done. Where what was
/// confirmed is no longer so, the ticket waits for somebody's word anew.
fn run_ticket(call: &Call) -> Result<Answer, Refusal> {
    let id = ticket_id(call)?;
    let operator = Label::optional("operator", call.text(1))?;
    let trace_id = Label::optional("trace_id", call.text(2))?;
    spi::connect(|spi| {
        let ticket = Ticket::lock(spi, id)?;
        if ticket.state == TicketState::Done {
            return Ok(answer(TicketState::Done, true));
        }
        ticket.state.check(id, TicketState::Done)?;
        let is_done = ticket.carry_out(spi, operator, trace_id)?;
        let state = if is_done { TicketState::Done } else { TicketState::Pending };
        Ok(answer(state, false))
    })
}

/// Only what was to be carried out, and was not, comes back as pending.
fn answer(state: TicketState, replayed: bool) -> Answer {
    let code = match state {
        TicketState::Pending => Value::text(Code::VersionConflict.as_str()),
        _ => ok(),
    };
    Answer::Row(&DECIDED, vec![code, Value::text(state.as_str()), Value::Bool(replayed)])
}
