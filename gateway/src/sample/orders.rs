//! What the shop's customers do.

use super::catalogue::is_limited;
use super::random::Random;
use super::{products, request_id};
use crate::replay::{Effect, Line, Movement};
use std::sync::Arc;

/// Orders in the record; deliveries, returns and write-offs come on top.
pub const ORDERS: usize = 4_000;

const SEED: u64 = 20_240_520;

/// The record from its first to its last movement.
pub fn movements() -> impl Iterator<Item = Movement> {
    let mut shop = Shop::new();
    (1..=ORDERS).flat_map(move |number| shop.hour(number))
}

struct Shop {
    random: Random,
    /// The most wanted first: a shuffled catalogue, so that every category has its favourites.
    shelf: Vec<Arc<str>>,
    place: u64,
}

impl Shop {
    fn new() -> Shop {
        let mut random = Random::new(SEED);
        let mut shelf: Vec<Arc<str>> = products().into_iter().map(|p| p.sku).collect();
        for at in (1..shelf.len()).rev() {
            shelf.swap(at, random.below(at + 1));
        }
        Shop { random, shelf, place: 0 }
    }

    /// One order, and what happened around it.
    fn hour(&mut self, number: usize) -> Vec<Movement> {
        let mut happened = vec![self.order(number)];
        if self.random.chance(3) {
            let line = self.line(1, 2);
            happened.push(self.movement("return", number, "return", Effect::Receipt(line)));
        }
        if self.random.chance(1) {
            let reason =
                ["damaged in transit", "broken on the shelf", "lost"][self.random.below(3)];
            let line = self.line(1, 3);
            happened.push(self.movement("write-off", number, reason, Effect::WriteOff(line)));
        }
        if self.random.chance(15) {
            let line = Line { warehouse_id: self.warehouse(), ..self.line(24, 72) };
            if !is_limited(&line.sku) {
                happened.push(self.movement("delivery", number, "delivery", Effect::Receipt(line)));
            }
        }
        happened
    }

    fn order(&mut self, number: usize) -> Movement {
        // One in two hundred wants a pallet, which no warehouse has.
        if number.is_multiple_of(200) {
            let line = self.line(2_000, 5_000);
            return self.movement("order", number, "wholesale", Effect::Order(vec![line]));
        }
        let warehouse_id = self.warehouse();
        let count = 1 + self.random.below(5);
        let lines = (0..count).map(|_| Line { warehouse_id, ..self.line(1, 4) }).collect();
        self.movement("order", number, "web shop", Effect::Order(lines))
    }

    fn line(&mut self, low: i64, high: i64) -> Line {
        let sku = self.shelf[self.random.popular(self.shelf.len())].clone();
        Line { sku, warehouse_id: 1, qty: self.random.between(low, high) }
    }

    /// Seven in ten orders leave from the main warehouse.
    fn warehouse(&mut self) -> i32 {
        [1, 1, 1, 1, 1, 1, 1, 2, 2, 3][self.random.below(10)]
    }

    fn movement(
        &mut self,
        kind: &'static str,
        number: usize,
        reason: &str,
        effect: Effect,
    ) -> Movement {
        self.place += 1;
        let name = format!("S{number:05}");
        Movement {
            place: self.place,
            request_id: request_id(kind, &name),
            name: name.into(),
            reason: reason.to_owned(),
            operator: None,
            trace_id: None,
            effect,
        }
    }
}
