//! The book: the stock rows a batch has locked, as they stand while it is decided.

use crate::command::Place;
use crate::text::Label;
use crate::time::{Day, Moment};
use crate::{Code, Refusal};
use std::collections::BTreeMap;

/// One stock row: a SKU in a warehouse, of one lot where the product is lot-controlled.
#[derive(Clone, Debug)]
pub struct Row {
    pub lot: Option<Label>,
    pub on_hand: i64,
    pub reserved: i64,
    /// Counts the row's movements.
    pub version: i64,
    pub expires_on: Option<Day>,
    pub received_at: Moment,
    /// The version as it is stored; `None` for a row that is yet to be inserted.
    pub stored: Option<i64>,
}

impl Row {
    pub fn free(&self) -> i64 {
        self.on_hand - self.reserved
    }

    pub fn expired(&self, today: Day) -> bool {
        self.expires_on.is_some_and(|day| day < today)
    }

    pub fn changed(&self) -> bool {
        self.version != self.stored.unwrap_or(0)
    }
}

/// All rows of one place.
#[derive(Clone, Debug, Default)]
pub struct Shelf {
    pub lot_controlled: bool,
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
            levels.reserved += row.reserved;
            if !row.expired(today) {
                levels.available += row.free();
            }
        }
        levels
    }

    pub fn find(&self, lot: Option<&Label>) -> Option<usize> {
        self.rows.iter().position(|r| r.lot.as_ref() == lot)
    }
}

/// The places of a batch. A place whose SKU or warehouse does not exist holds its refusal.
#[derive(Default)]
pub struct Book {
    shelves: BTreeMap<Place, Result<Shelf, Refusal>>,
}

impl Book {
    pub fn insert(&mut self, place: Place, shelf: Result<Shelf, Refusal>) {
        self.shelves.insert(place, shelf);
    }

    pub fn shelf(&self, place: &Place) -> Result<&Shelf, Refusal> {
        match self.shelves.get(place) {
            Some(Ok(shelf)) => Ok(shelf),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => {
                Err(Refusal::new(Code::UnknownSku, format!("no stock of {} was read", place.sku)))
            }
        }
    }

    pub(crate) fn shelf_mut(&mut self, place: &Place) -> Result<&mut Shelf, Refusal> {
        match self.shelves.get_mut(place) {
            Some(Ok(shelf)) => Ok(shelf),
            Some(Err(refusal)) => Err(refusal.clone()),
            None => {
                Err(Refusal::new(Code::UnknownSku, format!("no stock of {} was read", place.sku)))
            }
        }
    }

    /// The rows that differ from what is stored, in lock order.
    pub fn changed(&self) -> impl Iterator<Item = (&Place, &Row)> {
        self.shelves
            .iter()
            .filter_map(|(place, shelf)| Some((place, shelf.as_ref().ok()?)))
            .flat_map(|(place, shelf)| {
                shelf.rows.iter().filter(|r| r.changed()).map(move |r| (place, r))
            })
    }
}
