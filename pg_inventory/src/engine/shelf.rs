//! Stock rows: locked and read into the book, written back from it.

use super::Task;
use crate::pg::server;
use crate::pg::spi::{Args, Rows, Spi};
use crate::plans;
use crate::session::Session;
use inventory_core::book::{Book, Row, Shelf};
use inventory_core::command::{Place, WarehouseId};
use inventory_core::text::Label;
use inventory_core::{Code, Refusal};
use std::collections::BTreeMap;

/// What a batch wants of one place.
#[derive(Default)]
struct Wanted<'t> {
    /// Make the row if it is missing: something may come in.
    create: bool,
    /// Lots that are named: read also when empty.
    lots: Vec<&'t Label>,
}

/// Locks every place the tasks name, in the one global order (SKU, warehouse), and reads it.
pub fn lock(spi: &Spi, session: &Session, tasks: &[Task]) -> Result<Book, Refusal> {
    let mut wanted: BTreeMap<&Place, Wanted> = BTreeMap::new();
    for task in tasks {
        for place in task.places.iter().flatten() {
            wanted.entry(place).or_default();
        }
        let Ok(command) = &task.command else { continue };
        for (place, create) in command.action.places() {
            let entry = wanted.entry(place).or_default();
            entry.create |= create;
            entry.lots.extend(command.action.lots());
        }
    }
    let mut book = Book::default();
    for (place, wanted) in wanted {
        let shelf = lock_place(spi, session, place, &wanted)?;
        book.insert(place.clone(), shelf);
    }
    Ok(book)
}

fn lock_place(
    spi: &Spi,
    session: &Session,
    place: &Place,
    wanted: &Wanted,
) -> Result<Result<Shelf, Refusal>, Refusal> {
    let (number, leaf) = session.leaf(&place.sku)?;
    let key = || Args::new().text(&place.sku).int4(place.warehouse_id.number());
    let lock = plans::LOCK_STOCK.on_leaf(spi, number, &leaf.name);
    let mut guard = spi.execute(lock, &key());
    if !present(&guard) {
        let product = match master_data(spi, place, wanted.create) {
            Ok(product) => product,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if !wanted.create {
            return Ok(Ok(product.empty_shelf()));
        }
        let insert = plans::INSERT_STOCK.on_leaf(spi, number, &leaf.name);
        let args = key().text("").int8(0).int8(0).int8(0).maybe_day(None);
        let args =
            args.moment(server::now()).bool(product.lot_controlled).maybe_int8(product.low_at);
        spi.execute(insert, &args);
        spi.execute(plans::REVIVE_STOCK.on_leaf(spi, number, &leaf.name), &key());
        guard = spi.execute(lock, &key());
    }
    let Some(row) = guard.first() else {
        return Ok(Err(unknown_sku(place))); // deleted between the two statements
    };
    if !row.bool(5) {
        return Ok(Ok(Shelf {
            lot_controlled: false,
            rows: vec![Row {
                lot: None,
                on_hand: row.int8(1),
                reserved: row.int8(2),
                version: row.int8(3),
                expires_on: None,
                received_at: row.moment(4),
                stored: Some(row.int8(3)),
            }],
        }));
    }
    let named = wanted.lots.iter().map(|l| Some(&***l));
    let lots = plans::LOCK_LOTS.on_leaf(spi, number, &leaf.name);
    let rows = spi.execute(lots, &key().texts(named));
    let rows = rows.iter().map(|r| {
        Ok(Row {
            lot: Some(Label::new("lot", r.text(1))?),
            on_hand: r.int8(2),
            reserved: r.int8(3),
            version: r.int8(4),
            expires_on: r.maybe_day(5),
            received_at: r.moment(6),
            stored: Some(r.int8(4)),
        })
    });
    Ok(Ok(Shelf { lot_controlled: true, rows: rows.collect::<Result<_, Refusal>>()? }))
}

/// Whether the guard row is there and not retired.
fn present(guard: &Rows) -> bool {
    guard.first().is_some_and(|row| !row.bool(6))
}

/// What stock repeats of its product.
struct Product {
    lot_controlled: bool,
    low_at: Option<i64>,
}

impl Product {
    /// A place where nothing ever was.
    fn empty_shelf(&self) -> Shelf {
        Shelf { lot_controlled: self.lot_controlled, rows: Vec::new() }
    }
}

/// Product and warehouse of a place without a row. Who will make the row holds them to its end.
fn master_data(spi: &Spi, place: &Place, hold: bool) -> Result<Product, Refusal> {
    let product = if hold { &plans::SHARE_PRODUCT } else { &plans::FIND_PRODUCT };
    let rows = spi.execute(product.plan(spi), &Args::new().text(&place.sku));
    let row = rows.first().ok_or_else(|| unknown_sku(place))?;
    let number = place.warehouse_id.number();
    let warehouse = if hold { &plans::SHARE_WAREHOUSE } else { &plans::FIND_WAREHOUSE };
    if spi.execute(warehouse.plan(spi), &Args::new().int4(number)).len() == 0 {
        return Err(WarehouseId::unknown(number));
    }
    Ok(Product { lot_controlled: row.bool(1), low_at: row.maybe_int8(2) })
}

fn unknown_sku(place: &Place) -> Refusal {
    Refusal::new(Code::UnknownSku, format!("SKU {} does not exist", place.sku))
}

/// Writes back every row that changed.
pub fn write(spi: &Spi, session: &Session, book: &Book) -> Result<(), Refusal> {
    for (place, row) in book.changed() {
        let (number, leaf) = session.leaf(&place.sku)?;
        let lot = row.lot.as_deref().unwrap_or("");
        let args = Args::new().text(&place.sku).int4(place.warehouse_id.number()).text(lot);
        let args = args.int8(row.on_hand).int8(row.reserved).int8(row.version);
        let written = if row.stored.is_some() {
            spi.execute(plans::UPDATE_STOCK.on_leaf(spi, number, &leaf.name), &args)
        } else {
            let args = args.maybe_day(row.expires_on).moment(row.received_at);
            spi.execute(plans::INSERT_LOT.on_leaf(spi, number, &leaf.name), &args)
        };
        if written.processed() != 1 {
            pgrx::error!("stock of {} changed under its lock", place.sku);
        }
    }
    Ok(())
}

/// Locks every row of a SKU, in lock order; gives how many there are and the units on hand and
/// reserved.
pub fn lock_sku(spi: &Spi, session: &Session, sku: &str) -> Result<(usize, i64, i64), Refusal> {
    let (number, leaf) = session.leaf(sku)?;
    let plan = plans::LOCK_SKU.on_leaf(spi, number, &leaf.name);
    let rows = spi.execute(plan, &Args::new().text(sku));
    let sum = |column| rows.iter().map(|r| r.int8(column)).sum();
    Ok((rows.len(), sum(1), sum(2)))
}
