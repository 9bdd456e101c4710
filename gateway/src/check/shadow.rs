//! A shadow compared with its source: what both had at the same place in the journal. What is under way is no
//! difference, because the shadow keeps beside each row what its source had after the last movement that came.

use super::{Finding, Report, Scope, tickets};
use crate::error::Result;
use crate::shadow::is_sampled;
use crate::store::{Database, Drift};

/// Looks at the shadow; its tickets are kept there. With `repair`, what differs is set right at once.
pub async fn round(shadow: &Database, sample: f64, repair: bool) -> Result<Report> {
    let mut session = shadow.connect().await?;
    let looked_at = session.clock().await?;
    let drift = session.shadow_drift().await?;
    let sampled = drift.iter().filter(|d| is_sampled(&d.sku, sample));
    let findings: Vec<Finding> = sampled.flat_map(judge).collect();
    // A sample says nothing of the tickets of others.
    let whole = sample >= 1.0;
    let mut findings =
        tickets::report(&mut session, Scope::Shadow, looked_at, findings, whole).await?;
    if repair {
        tickets::settle_shadow(&mut session, &mut findings).await?;
    }
    session.close().await?;
    let compared = vec![format!("the shadow, {} % of it", sample * 100.0)];
    Ok(Report { findings, compared, away: None })
}

fn judge(drift: &Drift) -> Vec<Finding> {
    let lot = if drift.lot.is_empty() { String::new() } else { format!(", lot {}", drift.lot) };
    let subject = format!("{} in {}{lot}", drift.sku, drift.warehouse_id);
    let mut findings = Vec::new();
    if drift.expected != drift.on_hand {
        let delta = drift.on_hand - drift.expected;
        let actual = format!("{} ({delta:+})", drift.on_hand);
        findings.push(Finding::new(
            "shadow_level",
            subject.clone(),
            drift.expected.to_string(),
            actual,
        ));
    }
    if drift.missing > 0 {
        let version = drift.version.unwrap_or_default();
        let expected = format!("versions 1 to {version}");
        let actual = format!("{} of them missing", drift.missing);
        findings.push(Finding::new("shadow_version", subject, expected, actual));
    }
    findings
}
