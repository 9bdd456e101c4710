//! What is done beside the requests, every second or so.

use super::app::App;
use crate::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

const LOOK: Duration = Duration::from_secs(1);

/// Until it is aborted.
pub async fn keep(app: Arc<App>) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        let away = look(&app).await.err().map(|error| match &error {
            Error::Refused(refused) => refused.in_short().to_owned(),
            _ => "the database does not answer".to_owned(),
        });
        app.found(away);
        app.metrics.tidy();
        if let Some(limits) = &app.limits {
            limits.tidy();
        }
    }
}

/// Whether the database answers, with its tables; what it says goes into the metrics.
async fn look(app: &App) -> Result<(), Error> {
    let mut session = app.operating.session().await?;
    session.ping().await?;
    app.keyring.keep().await?;
    let hot = session.hot_skus(HOT_SHOWN).await?;
    show(app, hot.len());
    Ok(())
}

const HOT_SHOWN: i64 = 100;

fn show(app: &App, hot: usize) {
    let pool = app.operating.in_use();
    let idle = u32::try_from(pool.idle).unwrap_or(u32::MAX);
    let gauge = |state: &str, value: u32| {
        app.metrics.gauge("inventory_pool_connections", &[("state", state)], value.into());
    };
    gauge("idle", idle);
    gauge("busy", pool.open.saturating_sub(idle));
    // At most a hundred: exact as a float.
    app.metrics.gauge("inventory_hot_skus", &[], hot as f64);
}
