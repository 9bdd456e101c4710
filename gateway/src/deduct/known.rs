//! Levels as they were told last, for reading while the database is away.

use crate::store::{Level, LineAnswer};
use inventory_core::command::Line;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

/// SKUs remembered; of more the first that comes to hand is forgotten.
const SKUS_MAX: usize = 100_000;

#[derive(Default)]
pub struct Known(Mutex<HashMap<String, BTreeMap<i32, Level>>>);

impl Known {
    /// All that is known of a SKU; nothing where it is not.
    pub fn of(&self, sku: &str, warehouse_id: Option<i32>) -> Vec<Level> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let levels = known.get(sku).into_iter().flat_map(BTreeMap::values);
        levels
            .filter(|level| warehouse_id.is_none_or(|id| level.warehouse_id == id))
            .cloned()
            .collect()
    }

    pub fn read(&self, levels: &[Level]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for level in levels {
            make_room(&mut known, &level.sku);
            known.entry(level.sku.clone()).or_default().insert(level.warehouse_id, level.clone());
        }
    }

    /// What an answer to a command says of the places that it named.
    pub fn heard(&self, lines: &[Line], answers: &[LineAnswer]) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (line, answer) in lines.iter().zip(answers) {
            let (Some(on_hand), Some(available)) = (answer.on_hand, answer.available) else {
                continue;
            };
            let (sku, warehouse_id) = (&*line.place.sku, line.place.warehouse_id.number());
            make_room(&mut known, sku);
            let places = match known.get_mut(sku) {
                Some(places) => places,
                None => known.entry(sku.to_owned()).or_default(),
            };
            let level = places.entry(warehouse_id).or_insert_with(|| Level {
                sku: sku.to_owned(),
                warehouse_id,
                on_hand,
                reserved: 0,
                available,
                low: false,
                version: 0,
            });
            (level.on_hand, level.available) = (on_hand, available);
            level.reserved = answer.reserved.unwrap_or(on_hand.saturating_sub(available));
        }
    }
}

fn make_room(known: &mut HashMap<String, BTreeMap<i32, Level>>, sku: &str) {
    if known.len() >= SKUS_MAX
        && !known.contains_key(sku)
        && let Some(any) = known.keys().next().cloned()
    {
        known.remove(&any);
    }
}
