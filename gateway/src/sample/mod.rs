//! The sample shop: products, warehouses, opening stock and a few thousand orders, made from nothing
//! and the same on every machine. Some orders must be refused: scarce goods are asked for more often
//! than they came in, and now and then somebody wants a pallet.

mod catalogue;
mod orders;
mod random;

pub use catalogue::{products, warehouses};
pub use orders::{ORDERS, movements};

use crate::replay::{Line, Opening, Place, Plan};
use random::Random;
use std::sync::Arc;
use uuid::Uuid;

/// The shop's identity, and the namespace of its request ids. Another shop needs another one, or its first load would
/// meet the old shop's answers.
pub const RECORD: Uuid = Uuid::from_u128(0x2f9c_4b1e_77d0_4a36_9e55_c80a_13b6_4dd1);

fn request_id(kind: &str, text: &str) -> Uuid {
    Uuid::new_v5(&RECORD, format!("{kind}\n{text}").as_bytes())
}

/// Everything that is there before the first order.
pub fn plan() -> Plan {
    let products = products();
    let mut random = Random::new(11);
    let mut openings = Vec::new();
    for product in &products {
        for warehouse in warehouses() {
            let qty = opening(&mut random, &product.sku, warehouse.warehouse_id);
            if qty > 0 {
                let id = format!("{} {}", warehouse.warehouse_id, product.sku);
                let line =
                    Line { sku: product.sku.clone(), warehouse_id: warehouse.warehouse_id, qty };
                openings.push(Opening { request_id: request_id("opening", &id), line });
            }
        }
    }
    Plan { warehouses: warehouses(), products, openings }
}

/// The main warehouse holds most; the outlet few of some; limited editions are few everywhere.
fn opening(random: &mut Random, sku: &Arc<str>, warehouse_id: i32) -> i64 {
    let limited = catalogue::is_limited(sku);
    match (warehouse_id, limited) {
        (1, false) => random.between(60, 220),
        (1, true) => random.between(3, 15),
        (2 | 3, false) => random.between(20, 90),
        (_, false) if random.chance(30) => random.between(5, 25),
        _ => 0,
    }
}

/// Every place of the record with its request id.
pub fn places() -> Vec<Place> {
    movements().map(|m| Place { place: m.place, request_id: m.request_id }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Effect;
    use std::collections::{HashMap, HashSet};

    #[test]
    fn the_shop_is_the_same_every_time_and_ids_are_distinct() {
        let (first, second): (Vec<_>, Vec<_>) = (movements().collect(), movements().collect());
        assert_eq!(first, second);
        let plan = plan();
        let ids: HashSet<Uuid> = first
            .iter()
            .map(|m| m.request_id)
            .chain(plan.openings.iter().map(|o| o.request_id))
            .chain(plan.products.iter().map(|p| p.request_id))
            .chain(plan.warehouses.iter().map(|w| w.request_id))
            .collect();
        let expected =
            first.len() + plan.openings.len() + plan.products.len() + plan.warehouses.len();
        assert_eq!(ids.len(), expected);
        assert!((240..=600).contains(&plan.products.len()), "{}", plan.products.len());
    }

    #[test]
    fn texts_fit_and_skus_are_distinct() {
        let products = products();
        let skus: HashSet<_> = products.iter().map(|p| p.sku.clone()).collect();
        let names: HashSet<_> = products.iter().map(|p| p.name.clone()).collect();
        assert_eq!((skus.len(), names.len()), (products.len(), products.len()));
        assert!(movements().all(|m| m.reason.len() <= 64 && !m.lines().is_empty()));
        assert!(movements().flat_map(|m| m.lines().to_vec()).all(|l| l.qty > 0));
    }

    /// A plain model of the engine: some orders are refused, most are not.
    #[test]
    fn some_orders_must_be_refused() {
        let mut stock: HashMap<(Arc<str>, i32), i64> = HashMap::new();
        for opening in plan().openings {
            stock.insert((opening.line.sku, opening.line.warehouse_id), opening.line.qty);
        }
        let (mut accepted, mut refused) = (0, 0);
        for movement in movements() {
            match &movement.effect {
                Effect::Receipt(l) => {
                    *stock.entry((l.sku.clone(), l.warehouse_id)).or_default() += l.qty;
                }
                Effect::WriteOff(l) => {
                    let left = stock.entry((l.sku.clone(), l.warehouse_id)).or_default();
                    *left -= l.qty.min(*left);
                }
                Effect::Order(lines) => {
                    let mut after = stock.clone();
                    let fits = lines.iter().all(|l| {
                        let left = after.entry((l.sku.clone(), l.warehouse_id)).or_default();
                        *left -= l.qty;
                        *left >= 0
                    });
                    if fits {
                        stock = after;
                        accepted += 1;
                    } else {
                        refused += 1;
                    }
                }
            }
        }
        assert_eq!(accepted + refused, ORDERS);
        assert!(refused > ORDERS / 50 && refused < ORDERS / 4, "{accepted} / {refused}");
    }
}
