//! Stock rows: locked and read into the book, written back from it.

use super::Patience;
use crate::pg::spi::{self, Args, Rows, Spi};
use crate::pg::{heat, lock, server};
use crate::plans;
use crate::session::{self, Session};
use inventory_core::book::{Book, Row, Shelf, Stored};
use inventory_core::command::{Need, Place, WarehouseId};
use inventory_core::text::Label;
use inventory_core::{Code, Refusal};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a batch wants of one place.
#[derive(Default)]
struct Wanted<'t> {
    /// Make the row if it is missing: something may come in.
    create: bool,
    /// Lots that are named: read also when empty.
    lots: Vec<&'t Label>,
    /// How often it is named.
    times: usize,
}

/// Locks every place that is needed, in the one global order (products, warehouses, then stock by SKU
/// and warehouse), and reads it; as well as the places of which only the levels are told.
pub fn lock<'t>(
    spi: &Spi,
    session: &Session,
    needs: &'t [Need],
    told: impl Iterator<Item = &'t Place>,
    patience: Patience,
) -> Result<Book, Refusal> {
    let mut wanted: BTreeMap<&Place, Wanted> = told.map(|p| (p, Wanted::default())).collect();
    for need in needs {
        let entry = wanted.entry(&need.place).or_default();
        entry.create |= need.create;
        entry.times += 1;
        entry.lots.extend(need.lot);
    }
    let to_make = wanted.iter().filter(|(_, w)| w.create).map(|(p, _)| *p);
    let mut unknown = make_missing(spi, session, to_make)?;
    let mut shelves = BTreeMap::new();
    for (place, wanted) in &wanted {
        let shelf = match lock_place(spi, session, place, wanted, patience)? {
            Found::Shelf(shelf) => Ok(shelf),
            Found::Busy => Err(busy(place)),
            // What was not there when it was to be made is not there for this batch.
            Found::Nothing if wanted.create => {
                Err(unknown.remove(place).unwrap_or_else(|| unknown_sku(place)))
            }
            Found::Nothing => empty_shelf(spi, place),
        };
        shelves.insert(*place, shelf);
    }
    for place in wanted.iter().filter(|(_, w)| w.create && w.lots.is_empty()).map(|(p, _)| *p) {
        read_lots_that_may_come(spi, session, &mut shelves, place)?;
    }
    let mut book = Book::default();
    for (place, shelf) in shelves {
        book.insert(place.clone(), shelf);
    }
    Ok(book)
}

/// A transfer that names no lot brings lots of another place: they are read too where they lie empty,
/// now that the guards of both places are locked.
fn read_lots_that_may_come(
    spi: &Spi,
    session: &Session,
    shelves: &mut BTreeMap<&Place, Result<Shelf, Refusal>>,
    place: &Place,
) -> Result<(), Refusal> {
    let others = shelves.iter().filter(|(other, _)| other.sku == place.sku && **other != place);
    let others = others.filter_map(|(_, shelf)| shelf.as_ref().ok());
    let names: BTreeSet<Label> =
        others.flat_map(|s| &s.rows).filter_map(|row| row.lot.clone()).collect();
    let Some(Ok(shelf)) = shelves.get_mut(place).filter(|_| !names.is_empty()) else {
        return Ok(());
    };
    let (number, leaf) = session.leaf(&place.sku)?;
    let lots = plans::SHELF_LOTS.on_leaf(spi, number, &leaf.name);
    let rows = spi.execute(lots, &key(place).texts(names.iter().map(|l| Some(&**l))));
    shelf.rows = rows.iter().map(|r| stored_row(&r)).collect::<Result<_, Refusal>>()?;
    shelf.moved |= !shelf.rows.is_empty();
    Ok(())
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

/// A place as it was found.
enum Found {
    Shelf(Shelf),
    /// Somebody has it, and we do not wait.
    Busy,
    Nothing,
}

/// Locks the row that guards a place.
fn lock_guard(spi: &Spi, leaf: (usize, &str), place: &Place, patience: Patience) -> Rows {
    let (number, name) = leaf;
    if patience == Patience::Wait {
        return spi.execute(plans::LOCK_STOCK.on_leaf(spi, number, name), &key(place));
    }
    if let Some(at) = remembered(number, place) {
        let statement = plans::TRY_LOCK_STOCK_AT.on_leaf(spi, number, name);
        let found = spi.execute(statement, &key(place).tid(at));
        if found.len() > 0 {
            return found;
        }
    }
    spi.execute(plans::TRY_LOCK_STOCK.on_leaf(spi, number, name), &key(place))
}

/// Locks the row that guards a place, whoever has it before us.
pub fn wait_for(spi: &Spi, place: &Place) -> Result<(), Refusal> {
    // Not for the whole of stock: who reshapes it lets nobody in for long.
    let session = session::writing(spi, Patience::Never)?;
    let (number, leaf) = session.leaf(&place.sku)?;
    spi.execute(plans::LOCK_STOCK.on_leaf(spi, number, &leaf.name), &key(place));
    Ok(())
}

/// The transaction that locked the row which guards a place last, if any did.
pub fn locked_by(spi: &Spi, place: &Place) -> Result<Option<i64>, Refusal> {
    let session = session::current(spi)?;
    let (number, leaf) = session.leaf(&place.sku)?;
    let rows = spi.execute(plans::OWN_STOCK.on_leaf(spi, number, &leaf.name), &key(place));
    Ok(rows.first().map(|row| row.int8(2)).filter(|xid| *xid > 0))
}

/// Places whose rows' places in their leaf are remembered.
const REMEMBERED: usize = 4_096;

thread_local! {
    /// Where this session wrote a row last, by leaf and place: a hint, which need not hold any more.
    static WRITTEN: RefCell<HashMap<(usize, Place), u64>> = RefCell::default();
}

fn remember(leaf: usize, place: &Place, at: Option<u64>) {
    WRITTEN.with_borrow_mut(|written| {
        if written.len() >= REMEMBERED {
            written.clear();
        }
        if let Some(at) = at {
            written.insert((leaf, place.clone()), at);
        }
    });
}

fn remembered(leaf: usize, place: &Place) -> Option<u64> {
    WRITTEN.with_borrow(|written| written.get(&(leaf, place.clone())).copied())
}

/// Microseconds from which a lock was waited for.
const WAIT: i64 = 1_000;

/// Locks and reads a place.
fn lock_place(
    spi: &Spi,
    session: &Session,
    place: &Place,
    wanted: &Wanted,
    patience: Patience,
) -> Result<Found, Refusal> {
    let (number, leaf) = session.leaf(&place.sku)?;
    // Of a leaf that somebody has as a whole only what lies there is put off.
    if patience == Patience::Never && !lock::try_writing(leaf.oid) {
        return Ok(Found::Busy);
    }
    let begun = server::now();
    let guard = lock_guard(spi, (number, &leaf.name), place, patience);
    if guard.len() > 0 {
        let waited = server::now() > begun.plus(WAIT);
        let warehouse = place.warehouse_id.number();
        heat::note(server::database(), &place.sku, warehouse, wanted.times, waited);
    }
    // A retired row is as good as none: its product or its warehouse is gone.
    let Some(row) = guard.first().filter(|row| !row.bool(12)) else {
        let find = plans::FIND_STOCK.on_leaf(spi, number, &leaf.name);
        if patience == Patience::Never
            && guard.len() == 0
            && spi.execute(find, &key(place)).len() > 0
        {
            return Ok(Found::Busy);
        }
        crosscheck(spi, number, &leaf.name, place);
        return Ok(Found::Nothing);
    };
    let low_at = row.maybe_int8(10);
    if !row.bool(11) {
        let only = stored_row(&row)?;
        let moved = only.version > 0;
        return Ok(Found::Shelf(Shelf { lot_controlled: false, low_at, moved, rows: vec![only] }));
    }
    crosscheck(spi, number, &leaf.name, place);
    let named = wanted.lots.iter().map(|l| Some(&***l));
    let lots = plans::SHELF_LOTS.on_leaf(spi, number, &leaf.name);
    let rows = spi.execute(lots, &key(place).texts(named));
    let rows: Vec<Row> = rows.iter().map(|r| stored_row(&r)).collect::<Result<_, Refusal>>()?;
    let find = || plans::FIND_LOT.on_leaf(spi, number, &leaf.name);
    let moved = !rows.is_empty() || low_at.is_some() && spi.execute(find(), &key(place)).len() > 0;
    Ok(Found::Shelf(Shelf { lot_controlled: true, low_at, moved, rows }))
}

/// A row read as its lot, units on hand and reserved, version, dates of expiry and receipt, lapsed
/// units and the next expiry of a hold.
fn stored_row(row: &spi::Row<'_>) -> Result<Row, Refusal> {
    let stored = Stored { version: row.int8(4), lapsed: row.int8(7) };
    let lot = Label::optional("lot", Some(row.text(1)).filter(|lot| !lot.is_empty()))?;
    Ok(Row {
        on_hand: row.int8(2),
        reserved: row.int8(3),
        version: stored.version,
        lapsed: stored.lapsed,
        next_expiry: row.maybe_moment(8),
        at: row.tid(9),
        stored: Some(stored),
        ..Row::new(lot, row.maybe_day(5), row.moment(6))
    })
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
    Ok(Shelf { lot_controlled: product.lot_controlled, ..Shelf::default() })
}

fn unknown_sku(place: &Place) -> Refusal {
    Refusal::new(Code::UnknownSku, format!("SKU {} does not exist", place.sku))
}

fn busy(place: &Place) -> Refusal {
    let number = place.warehouse_id.number();
    let detail = format!("SKU {} in warehouse {number} is held by another transaction", place.sku);
    Refusal::new(Code::Busy, detail)
}

/// Writes back every row that changed.
pub fn write(spi: &Spi, session: &Session, book: &Book, patience: Patience) -> Result<(), Refusal> {
    for (place, row) in book.changed() {
        let (number, leaf) = session.leaf(&place.sku)?;
        let lot = row.lot.as_deref().unwrap_or("");
        let args = Args::new().text(&place.sku).int4(place.warehouse_id.number()).text(lot);
        let args = args.int8(row.on_hand).int8(row.reserved).int8(row.version);
        let args = args.int8(row.lapsed).maybe_moment(row.next_expiry);
        let written = if row.stored.is_some() {
            let update = plans::UPDATE_STOCK.on_leaf(spi, number, &leaf.name);
            let written = spi.execute(update, &args.tid(row.at));
            if patience == Patience::Never && row.lot.is_none() {
                remember(number, place, written.first().map(|row| row.tid(1)));
            }
            written
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

/// Locks every row of a SKU, in lock order; gives its shelves by warehouse, those out of use as if
/// nothing ever moved there. Its product is held by the caller, so that no row comes meanwhile.
pub fn lock_sku(spi: &Spi, session: &Session, sku: &str) -> Result<BTreeMap<i32, Shelf>, Refusal> {
    let (number, leaf) = session.leaf(sku)?;
    let args = || Args::new().text(sku);
    if server::snapshot_is_fixed() {
        spi.crosscheck(plans::SKU_STATE.on_leaf(spi, number, &leaf.name), &args());
    }
    let mut shelves: BTreeMap<i32, Shelf> = BTreeMap::new();
    for row in spi.execute(plans::LOCK_SKU.on_leaf(spi, number, &leaf.name), &args()).iter() {
        let shelf = shelves.entry(row.int4(10)).or_default();
        shelf.low_at = row.maybe_int8(11);
        shelf.moved |= row.int8(4) > 0 && !row.bool(12);
        shelf.rows.push(stored_row(&row)?);
    }
    Ok(shelves)
}
