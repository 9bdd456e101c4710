//! What the database finds when it looks at itself, now and then, for the metrics.

use super::app::App;
use super::metrics::Metrics;
use crate::check::{self, Copies, Report};
use crate::deduct::door::Door;
use crate::error::Result;
use crate::replay::Progress;
use chrono::Utc;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Between two looks at the setup and at what piles up.
const ROUND: Duration = Duration::from_secs(15);
/// Between two looks whether the database is there.
const READY_SOON: Duration = Duration::from_secs(1);
/// So many SKUs and leases are counted at most.
const COUNTED: i64 = 10_000;

/// `doctor()`, and what is low or set aside; until it is aborted.
pub async fn keep_examining(app: Arc<App>) {
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        until_ready(&app).await;
        // Whether the database answers is said elsewhere; meanwhile what was found last stays.
        if let Err(error) = examine(&app).await {
            tracing::debug!(%error, "the database was not looked at");
        }
    }
}

async fn examine(app: &App) -> Result<()> {
    let mut session = app.operating.session().await?;
    let findings = session.findings().await?;
    let labels = |topic, state| [("topic", topic), ("state", state)];
    app.metrics.findings.show(findings.into_iter().map(|f| (labels(f.topic, f.state), f.count)));
    let piles = session.piles(COUNTED).await?;
    let show = |name, labels: &[_], value: i64| {
        // Sums of units stay far below 2^53, up to which a float is exact.
        app.metrics.gauge(name, labels, value as f64);
    };
    show("inventory_low_skus", &[], piles.low);
    for (state, pile) in [("current", piles.current), ("overdue", piles.overdue)] {
        show("inventory_leases", &[("state", state)], pile.leases);
        show("inventory_leased_units", &[("state", state)], pile.units);
    }
    Ok(())
}

/// Looks at everything as often as the settings say; what is found is in tickets, metrics and the log. Until it
/// is aborted.
pub async fn keep_checking(app: Arc<App>) {
    let Some(every) = app.settings.check_every() else { return };
    let door = app.settings.redis_url().and_then(|url| Door::to_compare(url).ok());
    // Not at once: those that begin together after a restart would all look together, too.
    let mut tick = tokio::time::interval_at(tokio::time::Instant::now() + every, every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        until_ready(&app).await;
        if let Err(error) = check(&app, door.as_ref()).await {
            tracing::warn!(%error, "not everything could be looked at; a statement has --check-limit seconds");
        }
    }
}

/// Nothing is asked of a database that is away.
async fn until_ready(app: &App) {
    while app.unready().is_some() {
        tokio::time::sleep(READY_SOON).await;
    }
}

async fn check(app: &App, door: Option<&Door>) -> Result<()> {
    let journals: Vec<_> = app.settings.journal_dir.iter().cloned().collect();
    let mut session = app.operating.patient(app.settings.check_limit()).await?;
    let copies = Copies { door, journals: &journals };
    let mut report = check::round(&mut session, &copies, &Unwatched).await?;
    if let Some(shadow) = &app.shadow {
        match shadow.compare(&mut session, app.settings.check_limit()).await {
            Ok(compared) => {
                app.metrics.show_drift(&compared.drift);
                report.findings.extend(compared.report.findings);
            }
            Err(error) => tracing::warn!(%error, "the shadow could not be compared; again later"),
        }
    }
    session.close().await?;
    tell(&app.metrics, &report);
    Ok(())
}

fn tell(metrics: &Metrics, report: &Report) {
    let mut left: BTreeMap<&str, (i64, &str)> = BTreeMap::new();
    for finding in report.left() {
        left.entry(&finding.check_name).or_insert((0, &finding.subject)).0 += 1;
    }
    for (check, (findings, first)) in &left {
        tracing::error!(
            check,
            findings,
            first,
            "not all is as it should be: inventory repair list"
        );
    }
    let settled = report.findings.len() - report.unsettled();
    if settled > 0 {
        tracing::warn!(
            settled,
            "what was not as it should be was set right: inventory repair list --all"
        );
    }
    let left = left.into_iter().map(|(check, (n, _))| ([("check_name", check.to_owned())], n));
    metrics.check_findings.show(left);
    // Seconds since 1970 are exact as a float.
    metrics.gauge("inventory_check_timestamp_seconds", &[], Utc::now().timestamp() as f64);
}

/// Nobody looks at how far it is.
struct Unwatched;

impl Progress for Unwatched {
    fn stage(&self, _: &str) {}
    fn lines(&self, _: u64) {}
}
