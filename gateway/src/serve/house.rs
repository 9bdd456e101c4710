//! What is done beside the requests, every second or so.

use super::app::App;
use crate::deduct::breaker::State;
use crate::deduct::fallback::Fallback;
use crate::error::Error;
use crate::store::Backlog;
use inventory_core::Refusal;
use inventory_core::command::{Place, WarehouseId};
use inventory_core::text::Label;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

const LOOK: Duration = Duration::from_secs(1);
/// Of so many looks, one asks for what only the metrics show.
const GAUGES_EVERY: u32 = 5;
/// Of each state; more are as many.
const SAGAS_COUNTED: i64 = 10_000;
/// Series of stock levels.
const LEVELS_MAX: i64 = 1_000;

/// Until it is aborted.
pub async fn keep(app: Arc<App>) {
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0_u32;
    loop {
        tick.tick().await;
        let for_metrics = looks.is_multiple_of(GAUGES_EVERY);
        looks = looks.wrapping_add(1);
        let away = look(&app, for_metrics).await.err().map(|error| match &error {
            Error::Refused(refused) => refused.in_short().to_owned(),
            _ => "the database does not answer".to_owned(),
        });
        app.found(away);
        let (hot, cold) = app.front.hot.judge();
        if !hot.is_empty() || !cold.is_empty() {
            tracing::info!(?hot, ?cold, "what is hot here has changed");
        }
        // Far below 2^53, up to which a float is exact.
        app.metrics.gauge("inventory_event_clients", &[], app.seats.taken() as f64);
        if let Some(fallback) = &app.front.fallback {
            app.metrics.leases(fallback.held(), fallback.waiting());
        }
        app.metrics.tidy();
        if let Some(limits) = &app.limits {
            limits.tidy();
        }
    }
}

/// Whether the database answers, with its tables; what it says goes into the metrics.
async fn look(app: &App, for_metrics: bool) -> Result<(), Error> {
    app.metrics.gauge("inventory_breaker_state", &[], f64::from(app.breaker.state() as u8));
    let Ok(pass) = app.breaker.ask() else {
        return Err(Error::Answer("the breaker is open".into()));
    };
    let asked = async {
        let mut session = app.operating.session().await?;
        session.ping().await?;
        session.hot_skus(None, HOT_SHOWN).await
    };
    let hot = asked.await;
    app.breaker.tell(pass, &hot);
    app.metrics.show_hot(hot?);
    show_pool(app);
    if for_metrics {
        show_stock(app).await?;
    }
    app.keyring.keep().await?;
    // A look that began before it opened may have waited for the database to return.
    match app.breaker.state() {
        State::Open => Err(Error::Answer("the breaker is open".into())),
        State::Closed | State::HalfOpen => Ok(()),
    }
}

/// What only the metrics show.
async fn show_stock(app: &App) -> Result<(), Error> {
    let mut session = app.operating.session().await?;
    for (state, sagas) in session.open_sagas(SAGAS_COUNTED).await? {
        // Far below 2^53, up to which a float is exact.
        app.metrics.gauge("inventory_sagas", &[("state", &state)], sagas as f64);
    }
    let sinks = session.sinks().await?;
    let backlog = match Backlog::slowest(&sinks) {
        Some(backlog) => backlog,
        None => session.outbox_backlog().await?,
    };
    app.metrics.show_outbox(&backlog, &sinks);
    let levels = session.shown_levels(&app.settings.watch, LEVELS_MAX).await?;
    app.metrics.show_levels(levels);
    Ok(())
}

/// How far the shadow has come, and which reads it may be asked; until it is aborted.
pub async fn keep_shadow(app: Arc<App>) {
    let Some(shadow) = &app.shadow else { return };
    let mut tick = tokio::time::interval(LOOK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if let Some(at) = shadow.look().await {
            // Seconds since 1970 are exact as a float.
            let seconds = at.timestamp() as f64;
            app.metrics.gauge("inventory_shadow_caught_up_timestamp_seconds", &[], seconds);
        }
    }
}

/// Between two rounds of settling sales and setting goods aside.
const ROUND: Duration = Duration::from_millis(250);

/// Keeps the database's books of what this gateway sold by itself, while it can be told.
pub async fn keep_books(app: Arc<App>) {
    let Some(fallback) = &app.front.fallback else { return };
    let mut tick = tokio::time::interval(ROUND);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tick.tick().await;
        if app.breaker.state() != State::Closed {
            continue;
        }
        let Ok(pass) = app.breaker.ask() else { continue };
        let round = fallback.round().await;
        app.breaker.tell(pass, &round);
        reconcile(&app, fallback).await;
        if let Err(error) = round {
            tracing::warn!(%error, "the database could not be told of sales from leases; again soon");
        }
    }
}

/// Redis counts slices; what they really have left is in the lease pool.
async fn reconcile(app: &App, fallback: &Fallback) {
    let Some(door) = &app.front.door else { return };
    for sku in &app.front.tokens {
        let Ok(place) = token_place(sku) else { continue };
        let left = fallback.left(sku, place.warehouse_id.number());
        let kept = app.settings.lease_ttl();
        if let Some(drift @ 1..) = door.reconcile(&place, left, kept).await {
            tracing::debug!(sku, drift, "Redis counted more than was left");
        }
    }
}

/// Token mode is for the main warehouse.
fn token_place(sku: &str) -> std::result::Result<Place, Refusal> {
    Ok(Place {
        sku: Label::new("sku", sku)?,
        warehouse_id: WarehouseId::used("warehouse_id", Some(MAIN_WAREHOUSE))?,
    })
}

const MAIN_WAREHOUSE: i32 = 1;
const HOT_SHOWN: i64 = 100;

fn show_pool(app: &App) {
    let pool = app.operating.in_use();
    let idle = u32::try_from(pool.idle).unwrap_or(u32::MAX);
    let gauge = |state: &str, value: u32| {
        app.metrics.gauge("inventory_pool_connections", &[("state", state)], value.into());
    };
    gauge("idle", idle);
    gauge("busy", pool.open.saturating_sub(idle));
    gauge("unopened", app.settings.pool.saturating_sub(pool.open));
}
