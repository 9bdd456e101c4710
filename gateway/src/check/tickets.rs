//! From findings to tickets, and from those that are safe to their end.

use super::{Finding, Scope};
use crate::deduct::door::Door;
use crate::error::{Error, Result};
use crate::store::{Caller, FindingLines, RepairTicket, Session, Time};
use inventory_core::ticket::Correction;
use std::collections::{HashMap, HashSet};

/// Who decides what is safe, for the audit log.
const CHECK: &str = "inventory check";
/// Findings told of in one statement.
const TOGETHER: usize = 1_000;
/// Tickets read in one statement.
const PAGE: i64 = 1_000;
/// Characters of a reason.
const REASON_MAX: usize = 64;

/// Tells the database what was found; those that were settled meanwhile are found no more. Where nothing
/// can be written the findings stay without tickets.
pub(super) async fn report(
    session: &mut Session,
    scope: Scope,
    looked_at: Time,
    findings: Vec<Finding>,
    whole: bool,
) -> Result<Vec<Finding>> {
    let mut standing = Vec::with_capacity(findings.len());
    let chunks = findings.len().div_ceil(TOGETHER).max(1);
    for nth in 0..chunks {
        let chunk: Vec<&Finding> = findings.iter().skip(nth * TOGETHER).take(TOGETHER).collect();
        let lines = FindingLines {
            kinds: chunk.iter().map(|f| f.check_name.as_str()).collect(),
            subjects: chunk.iter().map(|f| f.subject.as_str()).collect(),
            expected: chunk.iter().map(|f| f.expected.as_str()).collect(),
            found: chunk.iter().map(|f| f.actual.as_str()).collect(),
        };
        let complete = whole && nth + 1 == chunks;
        let told = session.report_findings(scope.as_str(), looked_at, &lines, complete).await;
        let told = match told {
            Err(error) if may_not_write(&error) => return Ok(findings),
            told => told?,
        };
        for ticket in told {
            let at = usize::try_from(ticket.line - 1).unwrap_or(usize::MAX);
            let Some(finding) = chunk.get(at) else { continue };
            standing.push(Finding {
                ticket_id: Some(ticket.ticket_id),
                state: Some(ticket.state),
                ..Finding::clone(finding)
            });
        }
    }
    Ok(standing)
}

/// A reader, or a standby.
fn may_not_write(error: &Error) -> bool {
    matches!(error, Error::Database { sqlstate, .. } if sqlstate == "42501" || sqlstate == "25006")
}

/// Sets right what needs nobody's word, those that another look had begun with too.
pub(super) async fn settle(
    session: &mut Session,
    findings: &mut [Finding],
    door: Option<&Door>,
) -> Result<()> {
    let mut places = HashMap::new();
    for (at, finding) in findings.iter().enumerate() {
        let (Some(ticket), Some(state)) = (finding.ticket_id, finding.state.clone()) else {
            continue;
        };
        if state == "REJECTED" || !Correction::of(&finding.check_name).is_safe() {
            continue;
        }
        if state == "PENDING" && !is_over(session.confirm_ticket(ticket, None, &caller()).await)? {
            continue;
        }
        places.insert(ticket, at);
    }
    for ticket in confirmed(session, Correction::Derived).await? {
        let found = places.get(&ticket.ticket_id).and_then(|at| findings.get_mut(*at));
        let key = found.as_ref().and_then(|finding| finding.key.as_deref());
        if run(session, &ticket, key, door).await?
            && let Some(finding) = found
        {
            finding.state = Some("DONE".to_owned());
        }
    }
    Ok(())
}

/// What a shadow has wrong, from its source: nobody relies on it. Where somebody has confirmed that the source
/// is to go by its shadow, it stays.
pub(super) async fn settle_shadow(
    session: &mut Session,
    findings: &mut [Finding],
    source: &mut Session,
) -> Result<()> {
    let other_way: HashSet<String> =
        confirmed(source, Correction::Source).await?.into_iter().map(|t| t.subject).collect();
    for finding in findings.iter_mut().filter(|f| f.check_name == "shadow_level") {
        let Some(ticket) = finding.ticket_id else { continue };
        if finding.state.as_deref() == Some("REJECTED") || other_way.contains(&finding.subject) {
            continue;
        }
        let confirmed = is_over(session.confirm_ticket(ticket, None, &caller()).await)?;
        let ran = session.run_ticket(ticket, Some(CHECK), None).await.map(drop);
        if confirmed && is_over(ran)? {
            finding.state = Some("DONE".to_owned());
        }
    }
    Ok(())
}

/// Those that are to be carried out so, also of a check that was cut off.
async fn confirmed(session: &mut Session, by: Correction) -> Result<Vec<RepairTicket>> {
    let meant = |t: &RepairTicket| t.state == "CONFIRMED" && Correction::of(&t.kind) == by;
    open_tickets(session, meant).await
}

/// All that are open and meant, however many, in the order in which they were opened.
pub async fn open_tickets(
    session: &mut Session,
    meant: impl Fn(&RepairTicket) -> bool,
) -> Result<Vec<RepairTicket>> {
    let (mut open, mut after) = (Vec::new(), 0);
    loop {
        let page = session.open_tickets(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(open) };
        after = last.ticket_id;
        open.extend(page.into_iter().filter(&meant));
    }
}

/// Redis forgets first, then it is noted: whoever is cut off in between does both again.
async fn run(
    session: &mut Session,
    ticket: &RepairTicket,
    key: Option<&str>,
    door: Option<&Door>,
) -> Result<bool> {
    if let (Some(key), Some(door)) = (key, door)
        && !door.forget_count(key).await
    {
        return Ok(false);
    }
    match session.run_ticket(ticket.ticket_id, Some(CHECK), None).await {
        Ok(ran) => Ok(ran.is_done),
        // What it is about is no stock of ours, or another decided meanwhile.
        Err(Error::Refused(refused)) => {
            let reason: String = refused.in_short().chars().take(REASON_MAX).collect();
            is_over(session.reject_ticket(ticket.ticket_id, &reason, &caller()).await)?;
            Ok(false)
        }
        Err(error) if may_not_write(&error) => Ok(false),
        Err(error) => Err(error),
    }
}

fn caller() -> Caller {
    Caller { operator: Some(CHECK.to_owned()), ..Caller::default() }
}

/// Whether it was done; what another decided meanwhile stays.
fn is_over<T>(done: Result<T>) -> Result<bool> {
    match done {
        Ok(_) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
