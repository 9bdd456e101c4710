//! Feeding a shadow: a part of what happens here is applied to another inventory, in the order of the journal.

mod beside;
mod share;

pub use beside::{Beside, Wish};
pub use share::{By, Share, is_sampled};

use crate::error::{Error, Result};
use crate::store::{
    Caller, Database, FedMovements, JournalEvent, Leap, NewProduct, Session, Whereabouts,
};
use inventory_core::ticket::is_from_shadow;
use serde::Deserialize;
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::sync::watch;

/// Sources of a shadow that are looked through for ours.
pub const SOURCES_MAX: i64 = 100;
/// Events read at once.
const TOGETHER: i32 = 1_000;
/// Where nothing happens.
const PAUSE: Duration = Duration::from_millis(200);
/// Until the next try where one of the two is away.
const AWAY: Duration = Duration::from_secs(1);
/// SKUs that are known to be there.
const KNOWN_MAX: usize = 100_000;

/// What of an event a shadow is told.
#[derive(Deserialize)]
struct Moved {
    lot: Option<String>,
    on_hand_delta: Option<i64>,
    on_hand: Option<i64>,
    version: Option<i64>,
    operator: Option<String>,
    reason: Option<String>,
}

impl Moved {
    /// Units to move in a shadow that takes everything: none where its source was brought to where the shadow
    /// is already. (Another shadow of that source then differs, and its next check says so.)
    fn delta(&self, whole: bool) -> i64 {
        let follows = whole && self.reason.as_deref().is_some_and(is_from_shadow);
        if follows { 0 } else { self.on_hand_delta.unwrap_or(0) }
    }
}

pub struct Feeder {
    source: Database,
    target: Database,
    /// By which the shadow knows whom it follows.
    name: String,
    share: Share,
    /// Each with whether it has lots.
    known: HashMap<String, bool>,
    warehouses: HashSet<i32>,
}

impl Feeder {
    pub fn new(source: Database, target: Database, name: String, share: Share) -> Feeder {
        let (known, warehouses) = (HashMap::new(), HashSet::new());
        Feeder { source, target, name, share, known, warehouses }
    }

    /// Until somebody stops the shadow or `stop` says so; what cannot be reached is tried again.
    pub async fn run(&mut self, once: bool, mut stop: watch::Receiver<bool>) -> Result<()> {
        loop {
            let fed = tokio::select! {
                fed = self.feed(once) => fed,
                _ = stop.changed() => return Ok(()),
            };
            match fed {
                Ok(()) => return Ok(()),
                Err(error @ Error::Unreachable { .. }) if !once => {
                    tracing::warn!(%error, "the shadow waits");
                }
                Err(error) if error.is_transient() => {}
                Err(error) => return Err(error),
            }
            tokio::select! {
                () = tokio::time::sleep(AWAY) => {}
                _ = stop.changed() => return Ok(()),
            }
        }
    }

    /// Until the shadow is stopped; with `once`, until it has caught up.
    async fn feed(&mut self, once: bool) -> Result<()> {
        let (mut source, mut target) = (self.source.connect().await?, self.target.connect().await?);
        let origin = source.whereabouts().await?;
        let mut before = self.begin(&origin, &mut target).await?;
        loop {
            let now = source.clock().await?;
            let cursor = before.as_deref().and_then(|place| origin.unmarked(place));
            let look = source.read_events(cursor, TOGETHER).await?;
            let movements = self.movements(&look.events);
            self.bring_names(&mut source, &mut target, &movements).await?;
            let caught_up_at = look.caught_up.then_some(now);
            let after = origin.mark(&look.after);
            let leap = Leap { before: before.as_deref(), after: &after, caught_up_at };
            let fed = target.feed_shadow(&self.name, &leap, &movements).await?;
            match fed.state.as_str() {
                "RUNNING" => before = Some(after),
                "STOPPED" => return Ok(()),
                _ => {
                    let why = "another process feeds this shadow: stop one of them";
                    return Err(Error::usage(why));
                }
            }
            if look.caught_up {
                if once {
                    return Ok(());
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Where to go on, in the journal of the source that is there; None from the beginning.
    async fn begin(&self, origin: &Whereabouts, target: &mut Session) -> Result<Option<String>> {
        if *origin == target.whereabouts().await? {
            let why = "--target is the database that is to be followed: it would be told of its own movements for ever";
            return Err(Error::usage(why));
        }
        let feeds = target.shadows(SOURCES_MAX).await?;
        let known = feeds.iter().find(|feed| feed.source == self.name);
        let place = known.and_then(|feed| feed.cursor.as_deref());
        if place.is_some_and(|place| origin.unmarked(place).is_none()) {
            return Err(Error::usage(format!(
                "the shadow follows another database by the name {}: give this one another --name",
                self.name
            )));
        }
        target.start_shadow(&self.name, self.share.parts(), self.share.by().as_str()).await
    }

    /// Those of the share, in order.
    fn movements(&self, events: &[JournalEvent]) -> FedMovements {
        let mut fed = FedMovements::default();
        for event in events {
            let (Some(sku), Some(warehouse_id)) = (&event.sku, event.warehouse_id) else {
                continue;
            };
            // Events that move nothing have no version.
            let Ok(moved) = serde_json::from_str::<Moved>(event.payload.get()) else { continue };
            let whole = self.share.by() == By::Sku;
            let (Some(version), delta) = (moved.version, moved.delta(whole)) else { continue };
            if !self.share.takes(sku, moved.operator.as_deref(), delta) {
                continue;
            }
            fed.ids.push(event.id);
            fed.skus.push(sku.clone());
            fed.warehouse_ids.push(warehouse_id);
            fed.lots.push(moved.lot);
            fed.deltas.push(delta);
            fed.on_hands.push(moved.on_hand.filter(|_| whole));
            fed.versions.push(whole.then_some(version));
        }
        fed
    }

    /// Products and warehouses that the shadow has not seen yet, or not as they are.
    async fn bring_names(
        &mut self,
        source: &mut Session,
        target: &mut Session,
        movements: &FedMovements,
    ) -> Result<()> {
        let caller = Caller::default();
        if movements.warehouse_ids.iter().any(|id| !self.warehouses.contains(id)) {
            for warehouse in source.warehouses().await? {
                target.put_warehouse(&warehouse, &caller).await?;
            }
            self.warehouses.extend(&movements.warehouse_ids);
        }
        for (sku, lot) in movements.skus.iter().zip(&movements.lots) {
            // A product may be deleted and made again with lots.
            if self.known.get(sku).is_some_and(|has_lots| lot.is_none() || *has_lots) {
                continue;
            }
            if let Some(product) = source.products(Some(sku), None, 1).await?.pop() {
                let product = NewProduct {
                    sku: product.sku,
                    name: product.name,
                    low_stock_threshold: product.low_stock_threshold,
                    lot_controlled: product.lot_controlled,
                    unit: product.unit,
                    attributes: product.attributes,
                };
                target.put_product(&product, &caller).await?;
            }
            if self.known.len() >= KNOWN_MAX {
                self.known.clear();
            }
            self.known.insert(sku.clone(), lot.is_some());
        }
        Ok(())
    }
}
