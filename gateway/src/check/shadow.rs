//! A shadow compared with its source: what both had at the same place in the journal. What is under way is no
//! difference, because the shadow keeps beside each row what its source had after the last movement that came.
//!
//! Which of the two is right only people know, so a difference has a ticket in each. The one in the shadow sets
//! the shadow right, which costs nobody anything; the one in the source lets the source go by its shadow.

use super::{Finding, Report, Scope, tickets};
use crate::error::{Error, Result};
use crate::shadow::{SOURCES_MAX, is_sampled};
use crate::store::{Drift, Session, Shadow};
use inventory_core::refusal::Code;
use inventory_core::ticket::SourceLevel;
use std::collections::HashMap;

/// What a look at a shadow came to.
#[derive(Debug)]
pub struct Compared {
    pub report: Report,
    /// What still differs.
    pub drift: Vec<Drift>,
}

/// Looks at the shadow, or at that part of its SKUs. With `repair` it is set right at once.
pub async fn round(
    source: &mut Session,
    shadow: &mut Session,
    sample: f64,
    repair: bool,
) -> Result<Compared> {
    let origin = source.whereabouts().await?;
    let follows =
        |feed: &Shadow| feed.cursor.as_deref().is_none_or(|c| origin.unmarked(c).is_some());
    if !shadow.shadows(SOURCES_MAX).await?.iter().any(follows) {
        let why = "this is no shadow of it: it follows nothing, or another, until `inventory shadow start` feeds it";
        return Err(Error::refused(Code::InvalidArgument, why));
    }
    let looked_at = (source.clock().await?, shadow.clock().await?);
    let drift = drift(shadow, sample).await?;
    let findings: Vec<Finding> = drift.iter().flat_map(judge).collect();
    // A sample says nothing of the tickets of others.
    let whole = sample >= 1.0;
    let mut findings = tickets::report(shadow, Scope::Shadow, looked_at.1, findings, whole).await?;
    let left = if repair {
        tickets::settle_shadow(shadow, &mut findings, source).await?;
        self::drift(shadow, sample).await?
    } else {
        drift
    };
    let for_source: Vec<Finding> = left.iter().filter_map(judge_source).collect();
    let told = tickets::report(source, Scope::Shadow, looked_at.0, for_source, whole).await?;
    let theirs: HashMap<&str, _> = told.iter().map(|f| (&*f.subject, f.ticket_id)).collect();
    for finding in findings.iter_mut().filter(|f| f.check_name == LEVEL && !f.is_settled()) {
        finding.source_ticket_id = theirs.get(&*finding.subject).copied().flatten();
    }
    let compared = vec![format!("the shadow, {} % of it", sample * 100.0)];
    Ok(Compared { report: Report { findings, compared, away: None }, drift: left })
}

const LEVEL: &str = "shadow_level";

async fn drift(shadow: &mut Session, sample: f64) -> Result<Vec<Drift>> {
    let mut drift = shadow.shadow_drift().await?;
    drift.retain(|row| is_sampled(&row.sku, sample));
    Ok(drift)
}

fn subject(drift: &Drift) -> String {
    let lot = if drift.lot.is_empty() { String::new() } else { format!(", lot {}", drift.lot) };
    format!("{} in {}{lot}", drift.sku, drift.warehouse_id)
}

fn judge(drift: &Drift) -> Vec<Finding> {
    let mut findings = Vec::new();
    if drift.delta() != 0 {
        let actual = format!("{} ({:+})", drift.on_hand, drift.delta());
        findings.push(Finding::new(LEVEL, subject(drift), drift.expected.to_string(), actual));
    }
    if drift.missing > 0 {
        let version = drift.version.unwrap_or_default();
        let expected = format!("versions 1 to {version}");
        let actual = format!("{} of them missing", drift.missing);
        findings.push(Finding::new("shadow_version", subject(drift), expected, actual));
    }
    findings
}

/// What the source would have to become. Nothing where the shadow did not hear all that the source did: then
/// its level says nothing.
fn judge_source(drift: &Drift) -> Option<Finding> {
    let version = drift.version.filter(|_| drift.missing == 0 && drift.delta() != 0)?;
    let level = SourceLevel { shadow: drift.on_hand, source: drift.expected, version };
    let (expected, found) = level.texts();
    Some(Finding::new(SourceLevel::KIND, subject(drift), expected, found))
}
