//! What the rules are fed with.

use inventory_core::Refusal;
use inventory_core::book::{Book, DueLine, Row, Shelf};
use inventory_core::command::{Line, Place, Quantity, WarehouseId};
use inventory_core::hold::{HeldLine, Hold, HoldId, HoldState};
use inventory_core::text::Label;
use inventory_core::time::{Day, Moment};

/// 2024-06-05, 13:36 UTC.
pub const NOW: Moment = Moment(770_909_760_000_000);
/// More than any round takes.
pub const PLENTY: i64 = 1_000_000_000;

pub fn place(sku: usize) -> Result<Place, Refusal> {
    let sku = Label::new("sku", format!("SKU-{sku:06}"))?;
    Ok(Place { sku, warehouse_id: WarehouseId::new(Some(1))? })
}

pub fn line(sku: usize, units: i64) -> Result<Line, Refusal> {
    let reason = Label::new("reason", "sale")?;
    Ok(Line { place: place(sku)?, lot: None, quantity: Quantity::new(Some(units))?, reason })
}

pub fn row(lot: Option<Label>, expires_on: Option<Day>) -> Row {
    Row { on_hand: PLENTY, version: 1, ..Row::new(lot, expires_on, NOW) }
}

/// Shelves without lots for this many SKUs.
pub fn book(skus: usize) -> Result<Book, Refusal> {
    let mut book = Book::default();
    for sku in 0..skus {
        let shelf = Shelf { rows: vec![row(None, None)], ..Shelf::default() };
        book.insert(place(sku)?, Ok(shelf));
    }
    Ok(book)
}

/// Rows of one shelf, the last lot the first to expire.
pub fn lots(number: i32) -> Result<Vec<Row>, Refusal> {
    let lot = |n: i32| Ok(row(Some(Label::new("lot", format!("L{n:03}"))?), Some(Day(9_000 - n))));
    (0..number).map(lot).collect()
}

pub fn hold_id(number: usize) -> HoldId {
    let mut chance = [0; 10];
    chance[2..].copy_from_slice(&number.to_be_bytes());
    HoldId::new(NOW, chance)
}

/// A hold of a unit of each of this many SKUs, and the stock that has it reserved.
pub fn held(book: &mut Book, id: HoldId, skus: usize, ends: Option<Moment>) -> Result<(), Refusal> {
    let mut lines = Vec::with_capacity(skus);
    for (sku, number) in (0..skus).zip(1..) {
        let place = place(sku)?;
        lines.push(HeldLine { line: number, place, lot: None, quantity: 1, open: true });
    }
    for (place, row) in book.rows_mut() {
        row.reserved += lines.iter().filter(|line| line.place == *place).count() as i64;
    }
    let held = HoldState::Held;
    let hold = Hold { state: held, expires_at: ends, lines, stored: held, lease: None };
    book.papers.holds.insert(id, Ok(hold));
    Ok(())
}

/// A shelf whose goods are all held, past their time: a unit each.
pub fn lapsed(holds: usize) -> Result<Book, Refusal> {
    let due = |n| DueLine { hold: hold_id(n), line: 1, quantity: 1 };
    let units = holds as i64;
    let row = Row {
        on_hand: units,
        reserved: units,
        lapsed: units,
        due: (0..holds).map(due).collect(),
        ..row(None, None)
    };
    let mut book = Book::default();
    book.insert(place(0)?, Ok(Shelf { rows: vec![row], ..Shelf::default() }));
    Ok(book)
}
