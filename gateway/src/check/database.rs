//! The database compared with itself: stock, journal, holds, orders and leases.

use super::Finding;
use crate::error::Result;
use crate::store::{Session, Violation};
use chrono::SecondsFormat;
use std::collections::HashSet;
use std::time::Duration;

/// For so long the time of a lease may be over: its holder may be on its way back.
const OVERDUE: Duration = Duration::from_secs(3_600);
/// More are told of with the next look.
const OVERDUE_MAX: i64 = 10_000;

/// Twice, where something is found: what a repair is just setting right is no finding.
pub(super) async fn look(session: &mut Session) -> Result<Vec<Finding>> {
    let mut findings = once(session).await?;
    if !findings.is_empty() {
        let again = once(session).await?;
        let first: HashSet<(&str, &str)> = findings.iter().map(Finding::name).collect();
        findings = again.into_iter().filter(|f| first.contains(&f.name())).collect();
    }
    Ok(findings)
}

async fn once(session: &mut Session) -> Result<Vec<Finding>> {
    let violation = |v: Violation| Finding::new(&v.check_name, v.subject, v.expected, v.actual);
    let mut findings: Vec<Finding> = session.verify().await?.into_iter().map(violation).collect();
    for lease in session.overdue_leases(OVERDUE, OVERDUE_MAX).await? {
        let over = lease.expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let found = format!(
            "{} of {} in {} set aside for {} until {over}",
            lease.rest, lease.sku, lease.warehouse_id, lease.holder
        );
        let subject = format!("lease {}", lease.lease_id);
        findings.push(Finding::new("lease_overdue", subject, "given back", found));
    }
    Ok(findings)
}
