//! Stock rows: locked and read into the book, written back from it.

use super::Task;
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::plans;
use crate::session::Session;
use inventory_core::book::{Book, Row, Shelf};
use inventory_core::command::{Place, WarehouseId};
use inventory_core::text::Label;
use inventory_core::{Code, Refusal};
use std::collections::{BTreeMap, BTreeSet};

/// What a batch wants of one place.
#[derive(Default)]
struct Wanted<'t> {
    /// Make the row if it is missing: something may come in.
    create: bool,
    /// Lots that are named: read also when empty.
    lots: Vec<&'t Label>,
}

/// Locks every place the tasks name, in the one global order (products, warehouses, then stock by
/// SKU and warehouse), and reads it.
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
    let to_make = wanted.iter().filter(|(_, w)| w.create).map(|(p, _)| *p);
    let mut unknown = make_missing(spi, session, to_make)?;
    let mut book = Book::default();
    for (place, wanted) in wanted {
        let shelf = match lock_place(spi, session, place, &wanted)? {
            Some(shelf) => Ok(shelf),
            // What was not there when it was to be made is not there for this batch.
            None if wanted.create => {
                Err(unknown.remove(place).unwrap_or_else(|| unknown_sku(place)))
            }
            None => empty_shelf(spi, place),
        };
        book.insert(place.clone(), shelf);
    }
    Ok(book)
}

/// Makes the rows that something may come in to, where they are missing. Their products and
/// warehouses are held first, so that they neither go nor change until we commit. Gives the places
/// whose product or warehouse is not there.
fn make_missing<'p>(
    spi: &Spi,
    session: &Session,
    places: impl Iterator<Item = &'p Place>,
) -> Result<BTreeMap<&'p Place, Refusal>, Refusal> {
    let mut missing = Vec::new();
    for place in places {
        let (number, leaf) = session.leaf(&place.sku)?;
        let find = plans::FIND_STOCK.on_leaf(spi, number, &leaf.name);
        if spi.execute(find, &key(place)).len() == 0 {
            missing.push(place);
        }
    }
    let mut products: BTreeMap<&Label, Option<Product>> = BTreeMap::new();
    for place in &missing {
        let product = || product(spi, &plans::SHARE_PRODUCT, place);
        products.entry(&place.sku).or_insert_with(product);
    }
    let mut warehouses: BTreeSet<WarehouseId> = missing.iter().map(|p| p.warehouse_id).collect();
    warehouses.retain(|id| {
        let args = Args::new().int4(id.number());
        spi.execute(plans::SHARE_WAREHOUSE.plan(spi), &args).len() > 0
    });
    let mut unknown = BTreeMap::new();
    for place in missing {
        match products.get(&place.sku) {
            Some(Some(product)) if warehouses.contains(&place.warehouse_id) => {
                insert_row(spi, session, place, product)?;
            }
            Some(Some(_)) => {
                unknown.insert(place, WarehouseId::unknown(place.warehouse_id.number()));
            }
            _ => {
                unknown.insert(place, unknown_sku(place));
            }
        }
    }
    Ok(unknown)
}

fn insert_row(
    spi: &Spi,
    session: &Session,
    place: &Place,
    product: &Product,
) -> Result<(), Refusal> {
    let (number, leaf) = session.leaf(&place.sku)?;
    let args = key(place).text("").int8(0).int8(0).int8(0).maybe_day(None);
    let args = args.moment(server::now()).bool(product.lot_controlled);
    let insert = plans::INSERT_STOCK.on_leaf(spi, number, &leaf.name);
    spi.execute(insert, &args.maybe_int8(product.low_at));
    Ok(())
}

fn key(place: &Place) -> Args<'static> {
    Args::new().text(&place.sku).int4(place.warehouse_id.number())
}

/// Locks and reads a place; nothing where it has no row.
fn lock_place(
    spi: &Spi,
    session: &Session,
    place: &Place,
    wanted: &Wanted,
) -> Result<Option<Shelf>, Refusal> {
    let (number, leaf) = session.leaf(&place.sku)?;
    let guard = spi.execute(plans::LOCK_STOCK.on_leaf(spi, number, &leaf.name), &key(place));
    // A retired row is as good as none: its product or its warehouse is gone.
    let Some(row) = guard.first().filter(|row| !row.bool(6)) else {
        crosscheck(spi, number, &leaf.name, place);
        return Ok(None);
    };
    if !row.bool(5) {
        return Ok(Some(Shelf {
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
    crosscheck(spi, number, &leaf.name, place);
    let named = wanted.lots.iter().map(|l| Some(&***l));
    let lots = plans::LOCK_LOTS.on_leaf(spi, number, &leaf.name);
    let rows = spi.execute(lots, &key(place).texts(named));
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
    Ok(Some(Shelf { lot_controlled: true, rows: rows.collect::<Result<_, Refusal>>()? }))
}

/// Under a snapshot older than the lock (REPEATABLE READ) rows that came or lots that changed since
/// would be missed: then the transaction is to be repeated, as for any row it did see change.
fn crosscheck(spi: &Spi, number: usize, leaf: &str, place: &Place) {
    if server::snapshot_is_fixed() {
        spi.crosscheck(plans::SHELF_STATE.on_leaf(spi, number, leaf), &key(place));
    }
}

/// What stock repeats of its product.
struct Product {
    lot_controlled: bool,
    low_at: Option<i64>,
}

fn product(spi: &Spi, statement: &plans::Statement, place: &Place) -> Option<Product> {
    let rows = spi.execute(statement.plan(spi), &Args::new().text(&place.sku));
    let product = |r: spi::Row<'_>| Product { lot_controlled: r.bool(1), low_at: r.maybe_int8(2) };
    rows.first().map(product)
}

/// A place without a row: nothing ever was there, or its product or warehouse does not exist.
fn empty_shelf(spi: &Spi, place: &Place) -> Result<Shelf, Refusal> {
    let product = product(spi, &plans::FIND_PRODUCT, place).ok_or_else(|| unknown_sku(place))?;
    let number = place.warehouse_id.number();
    if spi.execute(plans::FIND_WAREHOUSE.plan(spi), &Args::new().int4(number)).len() == 0 {
        return Err(WarehouseId::unknown(number));
    }
    Ok(Shelf { lot_controlled: product.lot_controlled, rows: Vec::new() })
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

/// Locks every row of a SKU, in lock order; gives the units on hand and reserved. Its product is
/// held by the caller, so that no row comes meanwhile.
pub fn lock_sku(spi: &Spi, session: &Session, sku: &str) -> Result<(i64, i64), Refusal> {
    let (number, leaf) = session.leaf(sku)?;
    let args = || Args::new().text(sku);
    if server::snapshot_is_fixed() {
        spi.crosscheck(plans::SKU_STATE.on_leaf(spi, number, &leaf.name), &args());
    }
    let rows = spi.execute(plans::LOCK_SKU.on_leaf(spi, number, &leaf.name), &args());
    let sum = |column| rows.iter().map(|r| r.int8(column)).sum();
    Ok((sum(1), sum(2)))
}
