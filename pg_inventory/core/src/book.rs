//! The book: the rows a batch has locked, as they stand while it is decided.

use crate::command::{Place, Truth, WarehouseId};
use crate::hold::{self, Hold, HoldId};
use crate::order::{self, Order};
use crate::order_number::OrderNumber;
use crate::text::Label;
use crate::time::{Day, Moment};
use crate::{Code, Refusal};
use std::collections::{BTreeMap, BTreeSet};

/// One stock row: a SKU in a warehouse, of one lot where the product is lot-controlled.
#[derive(Clone, Debug)]
pub struct Row {
    pub lot: Option<Label>,
    pub on_hand: i64,
    pub reserved: i64,
    /// Of the reserved units, those of holds past their time: gone, though not booked as expired yet.
    pub lapsed: i64,
    /// When the next of its holds ends. Every open hold before it is counted in `lapsed`, and no other.
    pub next_expiry: Option<Moment>,
    /// Counts the row's movements.
    pub version: i64,
    pub expires_on: Option<Day>,
    pub received_at: Moment,
    /// Where its keeper finds it again; it means nothing here.
    pub at: u64,
    /// As it is stored; `None` for a row that is yet to be inserted.
    pub stored: Option<Stored>,
    /// Lapsed lines that can be booked as expired to make room, the first due first.
    pub due: Vec<DueLine>,
    /// How many of them were.
    pub booked: usize,
}

/// What a row stores of what a batch changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    pub version: i64,
    pub lapsed: i64,
}

/// What the journal and the holds say of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    pub on_hand: i64,
    pub reserved: i64,
    pub version: i64,
    /// When the first of its holds ends.
    pub next_expiry: Option<Moment>,
    /// The last version by which somebody corrected what is on hand; 0 for none.
    pub corrected: i64,
}

/// A line of a hold past its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueLine {
    pub hold: HoldId,
    pub line: i32,
    pub quantity: i64,
}

impl Row {
    /// A row on which nothing ever moved.
    pub fn new(lot: Option<Label>, expires_on: Option<Day>, received_at: Moment) -> Row {
        Row {
            lot,
            on_hand: 0,
            reserved: 0,
            lapsed: 0,
            next_expiry: None,
            version: 0,
            expires_on,
            received_at,
            at: 0,
            stored: None,
            due: Vec::new(),
            booked: 0,
        }
    }

    /// Units that are held now.
    pub fn held(&self) -> i64 {
        self.reserved - self.lapsed
    }

    pub fn free(&self) -> i64 {
        self.on_hand - self.held()
    }

    /// By how many units `units` exceed what is free without booking lapsed holds.
    pub fn shortfall(&self, units: i64) -> i64 {
        units.saturating_sub(self.on_hand - self.reserved).clamp(0, self.lapsed)
    }

    pub fn expired(&self, today: Day) -> bool {
        self.expires_on.is_some_and(|day| day < today)
    }

    pub fn changed(&self) -> bool {
        let now = Stored { version: self.version, lapsed: self.lapsed };
        now != self.stored.unwrap_or(Stored { version: 0, lapsed: 0 })
    }
}

/// All rows of one place.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub lot_controlled: bool,
    /// At or below so many units on hand the place is low.
    pub low_at: Option<i64>,
    /// Whether goods ever moved here before this batch.
    pub moved: bool,
    pub rows: Vec<Row>,
}

/// What a place holds over all its lots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    pub on_hand: i64,
    pub reserved: i64,
    pub available: i64,
}

impl Shelf {
    pub fn levels(&self, today: Day) -> Levels {
        let mut levels = Levels::default();
        for row in &self.rows {
            levels.on_hand += row.on_hand;
            levels.reserved += row.held();
            if !row.expired(today) {
                levels.available += row.free();
            }
        }
        levels
    }

    pub fn on_hand(&self) -> i64 {
        self.rows.iter().map(|row| row.on_hand).sum()
    }

    pub fn find(&self, lot: Option<&Label>) -> Option<usize> {
        self.rows.iter().position(|r| r.lot.as_ref() == lot)
    }
}

/// The holds and orders that a batch names. One that is not there, or cannot be had, has its refusal.
#[derive(Default)]
pub struct Papers {
    pub holds: BTreeMap<HoldId, Result<Hold, Refusal>>,
    pub orders: BTreeMap<OrderNumber, Result<Order, Refusal>>,
}

impl Papers {
    pub fn hold(&self, id: HoldId) -> Result<&Hold, Refusal> {
        self.holds
            .get(&id)
            .map_or_else(|| Err(hold::unknown(id)), |h| h.as_ref().map_err(Clone::clone))
    }

    pub fn order(&self, number: OrderNumber) -> Result<&Order, Refusal> {
        let order = self.orders.get(&number);
        order.map_or_else(|| Err(order::unknown(number)), |o| o.as_ref().map_err(Clone::clone))
    }

    /// The holds that differ from what is stored.
    pub fn changed_holds(&self) -> impl Iterator<Item = (HoldId, &Hold)> {
        let known = self.holds.iter().filter_map(|(id, hold)| Some((*id, hold.as_ref().ok()?)));
        known.filter(|(_, hold)| hold.changed())
    }

    /// The orders whose state differs from what is stored.
    pub fn changed_orders(&self) -> impl Iterator<Item = (OrderNumber, &Order)> {
        let known = self.orders.iter().filter_map(|(no, order)| Some((*no, order.as_ref().ok()?)));
        known.filter(|(_, order)| order.state != order.stored)
    }
}

/// The master data that new orders name, as far as it is there.
#[derive(Default)]
pub struct Catalogue {
    /// Whether the product is lot-controlled.
    pub products: BTreeMap<Label, bool>,
    pub warehouses: BTreeSet<WarehouseId>,
}

/// All that a batch has locked. A place whose SKU or warehouse does not exist holds its refusal.
#[derive(Default)]
pub struct Book {
    shelves: BTreeMap<Place, Result<Shelf, Refusal>>,
    pub papers: Papers,
    pub catalogue: Catalogue,
}

impl Book {
    pub fn insert(&mut self, place: Place, shelf: Result<Shelf, Refusal>) {
        self.shelves.insert(place, shelf);
    }

    pub fn shelf(&self, place: &Place) -> Result<&Shelf, Refusal> {
        match self.shelves.get(place) {
            Some(Ok(shelf)) => Ok(shelf),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(not_read(place)),
        }
    }

    pub(crate) fn shelf_mut(&mut self, place: &Place) -> Result<&mut Shelf, Refusal> {
        match self.shelves.get_mut(place) {
            Some(Ok(shelf)) => Ok(shelf),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => Err(not_read(place)),
        }
    }

    /// What is told of a row takes the place of what is stored, as far as that is not the `truth`. It is to
    /// be written whatever comes; a row that is not there stays so. Fails where somebody corrected it since the
    /// `truth` was found, stock and journal do not agree on what that was found by, or more is held than is right.
    pub fn mend(
        &mut self,
        place: &Place,
        lot: Option<&Label>,
        truth: Truth,
        told: Told,
    ) -> Result<(), Refusal> {
        let Some(Ok(shelf)) = self.shelves.get_mut(place) else { return Ok(()) };
        let Some(at) = shelf.find(lot) else { return Ok(()) };
        let row = &mut shelf.rows[at];
        let apart = match truth {
            Truth::Apart { since, .. } => {
                Some((since, told.on_hand == row.on_hand, "compare it with the shadow again"))
            }
            Truth::Counted { since, .. } => Some((since, true, "count again")),
            Truth::Stock | Truth::Journal | Truth::Level(_) => None,
        };
        if let Some((since, agree, again)) = apart
            && (!agree || told.corrected > since || told.version < since)
        {
            let detail = format!(
                "the stock of {} in {} was corrected since it was version {since}: {again}",
                place.sku,
                place.warehouse_id.number()
            );
            return Err(Refusal::new(Code::VersionConflict, detail));
        }
        // What is held was promised while the row said that it was there.
        let right = truth.right(told.on_hand);
        if truth != Truth::Stock && right < told.reserved {
            let detail = format!(
                "{right} units of {} in {} are right, and {} of them are held: release some first",
                place.sku,
                place.warehouse_id.number(),
                told.reserved
            );
            return Err(Refusal::new(Code::InsufficientStock, detail));
        }
        if truth != Truth::Stock {
            (row.on_hand, row.reserved, row.version) = (told.on_hand, told.reserved, told.version);
        }
        (row.lapsed, row.next_expiry) = (0, told.next_expiry);
        row.stored = row.stored.map(|_| Stored { version: -1, lapsed: -1 });
        Ok(())
    }

    /// Every row, in lock order.
    pub fn rows_mut(&mut self) -> impl Iterator<Item = (&Place, &mut Row)> {
        let known =
            self.shelves.iter_mut().filter_map(|(p, shelf)| Some((p, shelf.as_mut().ok()?)));
        known.flat_map(|(place, shelf)| shelf.rows.iter_mut().map(move |row| (place, row)))
    }

    /// The rows that differ from what is stored, in lock order.
    pub fn changed(&self) -> impl Iterator<Item = (&Place, &Row)> {
        let known = self.shelves.iter().filter_map(|(p, shelf)| Some((p, shelf.as_ref().ok()?)));
        known.flat_map(|(place, shelf)| {
            shelf.rows.iter().filter(|r| r.changed()).map(move |r| (place, r))
        })
    }
}

fn not_read(place: &Place) -> Refusal {
    Refusal::new(Code::UnknownSku, format!("no stock of {} was read", place.sku))
}
