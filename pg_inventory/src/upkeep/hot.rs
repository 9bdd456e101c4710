//! Which SKUs are hot: found by how often they are named and waited for, or called so by hand.

use super::Done;
use crate::engine::{self, Patience};
use crate::pg::heat::{self, Seen};
use crate::pg::server;
use crate::pg::spi::{Args, Row, Spi};
use crate::session::Session;
use crate::{plans, session, settings};
use inventory_core::Refusal;
use inventory_core::command::{Origin, WarehouseId};
use inventory_core::decision::{About, Notice};
use inventory_core::event::EventType;
use inventory_core::heat::{Heat, State, next};
use inventory_core::text::Label;
use inventory_core::time::Moment;
use std::collections::BTreeMap;

/// Microseconds that a SKU is watched for at least: of less, chance makes a rate.
const WATCHED: i64 = 500_000;
/// The warehouse that an event names where none was seen.
const MAIN: i32 = 1;

/// A hot SKU as it is stored.
#[derive(Clone, Copy)]
pub struct Found {
    warehouse: i32,
    by_hand: bool,
    rate: i64,
    cooling_since: Option<Moment>,
}

impl Found {
    /// One that nobody has seen.
    pub fn by_hand() -> Found {
        Found { warehouse: MAIN, by_hand: true, rate: 0, cooling_since: None }
    }

    fn of(row: &Row<'_>) -> Found {
        Found {
            warehouse: row.int4(2),
            by_hand: row.bool(3),
            rate: row.int8(4),
            cooling_since: row.maybe_moment(5),
        }
    }

    fn state(self) -> State {
        self.cooling_since.map_or(State::Hot, State::Cooling)
    }
}

/// The entry of a SKU that is hot, locked.
pub fn lock(spi: &Spi, sku: &str) -> Option<Found> {
    spi.execute(plans::LOCK_HOT.plan(spi), &Args::new().text(sku)).first().map(|r| Found::of(&r))
}

pub fn keep_by_hand(spi: &Spi, sku: &str) {
    keep(spi, sku, Found::by_hand());
}

pub fn forget(spi: &Spi, sku: &str) {
    spi.execute(plans::FORGET_HOT.plan(spi), &Args::new().text(sku));
}

fn keep(spi: &Spi, sku: &str, hot: Found) {
    let args = Args::new().text(sku).int4(hot.warehouse).bool(hot.by_hand).int8(hot.rate);
    let args = args.maybe_moment(hot.cooling_since).moment(server::now());
    spi.execute(plans::KEEP_HOT.plan(spi), &args);
}

/// Writes the event of a SKU that became hot or cold.
pub fn tell(spi: &Spi, session: &Session, sku: &Label, hot: bool, of: Found, origin: &Origin) {
    let Ok(warehouse_id) = WarehouseId::new(Some(of.warehouse)) else { return };
    let about = About::Hot { sku: sku.clone(), hot, by_hand: of.by_hand, rate: of.rate };
    let notice = Notice { event: EventType::HotSkuChanged, warehouse_id, about, reason: None };
    engine::write_notices(spi, session, &[notice], origin);
}

/// Looks at what was counted since the last time.
pub fn watch(spi: &Spi) -> Result<Done, Refusal> {
    let now = server::now();
    let seen = heat::take(server::database(), now, WATCHED);
    let mut known: BTreeMap<String, Found> = BTreeMap::new();
    for row in spi.execute(plans::LOCK_ALL_HOT.plan(spi), &Args::new()).iter() {
        known.insert(row.text(1), Found::of(&row));
    }
    let changes = changes(seen, &known, now);
    if changes.is_empty() {
        return Ok(Done::default());
    }
    let session = session::writing(spi, Patience::Never)?;
    let mut count = 0;
    for change in changes {
        count += usize::from(change.carry_out(spi, &session)?);
    }
    Ok(Done { count, more: false })
}

/// What becomes of one SKU.
struct Change {
    sku: String,
    before: Option<Found>,
    after: Option<Found>,
}

/// What changes by what was seen, the busiest first. What was called hot by hand stays so.
fn changes(seen: Vec<Seen>, known: &BTreeMap<String, Found>, now: Moment) -> Vec<Change> {
    let line = settings::hot_line();
    let mut room = settings::hot_limit().saturating_sub(known.len());
    let mut heats: Vec<(String, Heat, i32)> =
        seen.into_iter().map(|seen| (seen.sku.clone(), heat(&seen, now), seen.warehouse)).collect();
    heats.sort_by(|a, b| b.1.commands.total_cmp(&a.1.commands));
    let quiet = |sku: &&String| heats.iter().all(|(seen, ..)| seen != *sku);
    let nothing = Heat { commands: 0.0, waits: 0.0 };
    let silent: Vec<_> =
        known.keys().filter(quiet).map(|sku| (sku.clone(), nothing, MAIN)).collect();
    let mut changes = Vec::new();
    for (sku, heat, warehouse) in heats.into_iter().chain(silent) {
        let before = known.get(&sku).copied();
        if before.is_some_and(|found| found.by_hand) {
            continue;
        }
        let state = before.map_or(State::Cold, Found::state);
        let after = match next(state, heat, line, now) {
            State::Cold => None,
            State::Hot => Some(None),
            State::Cooling(since) => Some(Some(since)),
        };
        if before.is_none() && after.is_some() {
            let Some(left) = room.checked_sub(1) else { continue };
            room = left;
        }
        let warehouse = before.map_or(warehouse, |found| found.warehouse);
        let rate = heat.commands as i64;
        let found = |cooling_since| Found { warehouse, by_hand: false, rate, cooling_since };
        if before.is_some() || after.is_some() {
            changes.push(Change { sku, before, after: after.map(found) });
        }
    }
    changes
}

fn heat(seen: &Seen, now: Moment) -> Heat {
    let seconds = ((now.0 - seen.since.0) as f64 / 1e6).max(1e-3);
    Heat { commands: f64::from(seen.commands) / seconds, waits: f64::from(seen.waits) / seconds }
}

impl Change {
    /// Whether the SKU became hot or cold.
    fn carry_out(self, spi: &Spi, session: &Session) -> Result<bool, Refusal> {
        // What was counted may be of a product that is gone.
        let product =
            || spi.execute(plans::TRY_KEEP_PRODUCT.plan(spi), &Args::new().text(&self.sku));
        if self.before.is_none() && product().len() == 0 {
            return Ok(false);
        }
        match self.after {
            Some(after) => keep(spi, &self.sku, after),
            None => forget(spi, &self.sku),
        }
        let turned = self.before.is_some() != self.after.is_some();
        if let (true, Some(of)) = (turned, self.after.or(self.before)) {
            let sku = Label::new("sku", self.sku)?;
            tell(spi, session, &sku, self.after.is_some(), of, &Origin::default());
        }
        Ok(turned)
    }
}
