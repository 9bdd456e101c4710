//! Which movements of a window may travel in one call, without changing what the record leads to.
//!
//! The exact way, `stages`: two movements that name no SKU in common (in the same warehouse) give the
//! same result in either order. So each movement gets the earliest slot that lies not before any
//! earlier movement of its SKUs; a slot holds one kind of command. On a year of invoices, where every
//! fifth movement is a return or a write-off, windows of 10,000 lines need a ninth of the calls that
//! cutting at every change of kind would.
//!
//! The hurried way, `by_kind`: first everything that takes goods out, then everything that brings
//! goods in, one call each. If all of it is accepted, the stock of every SKU covered all that left in
//! the window without what came in; so in the record's order, too, each movement would have found
//! enough, and both ways end at the same levels. If anything is refused, the window is rolled back
//! and goes the exact way.

use super::movement::{Effect, Movement};
use std::collections::HashMap;
use std::sync::Arc;

/// Movements to be sent in this order: orders, receipts, write-offs.
#[derive(Debug, Default)]
pub struct Stage {
    pub orders: Vec<Movement>,
    pub receipts: Vec<Movement>,
    pub write_offs: Vec<Movement>,
}

const KINDS: usize = 3;

fn kind(effect: &Effect) -> usize {
    match effect {
        Effect::Order(_) => 0,
        Effect::Receipt(_) => 1,
        Effect::WriteOff(_) => 2,
    }
}

/// The whole window by kind, in the record's order within each: for the hurried way.
pub fn by_kind(window: Vec<Movement>) -> Stage {
    let mut stage = Stage::default();
    for movement in window {
        stage.push(movement);
    }
    stage
}

impl Stage {
    fn push(&mut self, movement: Movement) {
        match movement.effect {
            Effect::Order(_) => self.orders.push(movement),
            Effect::Receipt(_) => self.receipts.push(movement),
            Effect::WriteOff(_) => self.write_offs.push(movement),
        }
    }
}

/// Sorts a window of the record into stages. Within each list the record's order stays.
pub fn stages(window: Vec<Movement>) -> Vec<Stage> {
    let mut last_slot: HashMap<(Arc<str>, i32), usize> = HashMap::new();
    let mut stages: Vec<Stage> = Vec::new();
    for movement in window {
        let after = movement
            .lines()
            .iter()
            .filter_map(|line| last_slot.get(&(line.sku.clone(), line.warehouse_id)))
            .max()
            .copied()
            .unwrap_or(0);
        let slot = first_slot_of(kind(&movement.effect), after);
        for line in movement.lines() {
            last_slot.insert((line.sku.clone(), line.warehouse_id), slot);
        }
        let stage = slot / KINDS;
        if stages.len() <= stage {
            stages.resize_with(stage + 1, Stage::default);
        }
        stages[stage].push(movement);
    }
    stages
}

/// The first slot of that kind which is not before `after`.
fn first_slot_of(kind: usize, after: usize) -> usize {
    let slot = after / KINDS * KINDS + kind;
    if slot < after { slot + KINDS } else { slot }
}

/// Collects movements until they hold `lines` lines: one window is one transaction.
#[derive(Debug)]
pub struct Window {
    limit: usize,
    lines: usize,
    movements: Vec<Movement>,
}

impl Window {
    pub fn new(limit: usize) -> Window {
        Window { limit, lines: 0, movements: Vec::new() }
    }

    /// The full window, when `movement` no longer fits into it.
    pub fn push(&mut self, movement: Movement) -> Option<Vec<Movement>> {
        let lines = movement.lines().len();
        let full = self.lines + lines > self.limit && !self.movements.is_empty();
        let done = full.then(|| self.take());
        self.lines += lines;
        self.movements.push(movement);
        done
    }

    pub fn take(&mut self) -> Vec<Movement> {
        self.lines = 0;
        std::mem::take(&mut self.movements)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::Line;
    use uuid::Uuid;

    fn line(sku: &str) -> Line {
        Line { sku: sku.into(), warehouse_id: 1, qty: 1 }
    }

    fn movement(place: u64, effect: Effect) -> Movement {
        Movement {
            place,
            request_id: Uuid::nil(),
            name: "x".into(),
            reason: String::new(),
            operator: None,
            trace_id: None,
            effect,
        }
    }

    fn order(place: u64, skus: &[&str]) -> Movement {
        movement(place, Effect::Order(skus.iter().map(|s| line(s)).collect()))
    }

    fn places(list: &[Movement]) -> Vec<u64> {
        list.iter().map(|m| m.place).collect()
    }

    #[test]
    fn disjoint_movements_share_a_stage() {
        let done = stages(vec![
            order(1, &["A", "B"]),
            movement(2, Effect::Receipt(line("C"))),
            order(3, &["A", "D"]),
            movement(4, Effect::WriteOff(line("C"))),
        ]);
        assert_eq!(done.len(), 1);
        assert_eq!(places(&done[0].orders), [1, 3]);
        assert_eq!(places(&done[0].receipts), [2]);
        assert_eq!(places(&done[0].write_offs), [4]);
    }

    #[test]
    fn an_order_waits_for_the_return_before_it() {
        let done = stages(vec![
            movement(1, Effect::Receipt(line("A"))),
            order(2, &["A", "B"]),
            order(3, &["B"]),
            order(4, &["C"]),
        ]);
        assert_eq!(places(&done[0].receipts), [1]);
        assert_eq!(places(&done[0].orders), [4]);
        assert_eq!(places(&done[1].orders), [2, 3]);
    }

    #[test]
    fn the_same_sku_in_another_warehouse_is_another_stock() {
        let mut elsewhere = line("A");
        elsewhere.warehouse_id = 2;
        let done = stages(vec![movement(1, Effect::Receipt(elsewhere)), order(2, &["A"])]);
        assert_eq!(done.len(), 1);
    }

    /// The promise itself, on arbitrary windows: movements of one SKU keep the record's order.
    #[test]
    fn movements_of_one_sku_keep_their_order() {
        let skus = ["A", "B", "C", "D", "E"];
        let mut state = 7_u64;
        let mut next = |n: u64| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) % n
        };
        let window: Vec<_> = (0..500)
            .map(|place| match next(4) {
                0 => movement(place, Effect::Receipt(line(skus[next(5) as usize]))),
                1 => movement(place, Effect::WriteOff(line(skus[next(5) as usize]))),
                _ => order(place, &[skus[next(5) as usize], skus[next(5) as usize]]),
            })
            .collect();
        let sent: Vec<Movement> = stages(window)
            .into_iter()
            .flat_map(|s| s.orders.into_iter().chain(s.receipts).chain(s.write_offs))
            .collect();
        assert_eq!(sent.len(), 500);
        for sku in skus {
            let places: Vec<u64> = sent
                .iter()
                .filter(|m| m.lines().iter().any(|l| &*l.sku == sku))
                .map(|m| m.place)
                .collect();
            assert!(places.is_sorted(), "{sku}: {places:?}");
        }
    }

    #[test]
    fn a_window_holds_at_most_its_lines_but_one_large_order_alone_may_be_longer() {
        let mut window = Window::new(3);
        assert!(window.push(order(1, &["A", "B"])).is_none());
        assert_eq!(window.push(order(2, &["A", "B"])).map(|w| places(&w)), Some(vec![1]));
        assert_eq!(window.push(order(3, &["A"; 9])).map(|w| places(&w)), Some(vec![2]));
        assert_eq!(places(&window.take()), [3]);
        assert!(window.take().is_empty());
    }
}
