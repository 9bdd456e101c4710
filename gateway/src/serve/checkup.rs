//! What the database finds when it looks at itself, now and then, for the metrics.

use super::app::App;
use crate::error::Result;
use chrono::Utc;
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

/// `verify()` as often as the settings say; until it is aborted.
pub async fn keep_verifying(app: Arc<App>) {
    let Some(every) = app.settings.verify_every() else { return };
    let mut tick = tokio::time::interval(every);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        while app.unready().is_some() {
            tokio::time::sleep(READY_SOON).await;
        }
        if let Err(error) = verify(&app).await {
            tracing::warn!(%error, "verify() did not come to its end; it has --verify-limit seconds");
        }
    }
}

async fn verify(app: &App) -> Result<()> {
    let mut session = app.operating.patient(app.settings.verify_limit()).await?;
    let broken = session.broken().await?;
    for check in &broken {
        tracing::error!(
            check = check.check_name,
            violations = check.violations,
            first = check.first,
            "verify() is not clean"
        );
    }
    let labels = |name| [("check_name", name)];
    let broken = broken.into_iter().map(|check| (labels(check.check_name), check.violations));
    app.metrics.violations.show(broken);
    // Seconds since 1970 are exact as a float.
    let now = Utc::now().timestamp() as f64;
    app.metrics.gauge("inventory_verify_timestamp_seconds", &[], now);
    session.close().await
}
