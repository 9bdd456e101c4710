//! Master data: `put_product`, `put_warehouse`, `delete_product`, `delete_warehouse`.
//!
//! Products and warehouses are locked before stock, as everywhere. Stock rows repeat the product's
//! kind and threshold; who makes a stock row holds the product, so that none is made meanwhile.

use super::once::{Done, Once, once};
use super::{DELETED, PUT, ok, origin};
use crate::engine::{self, lock_sku};
use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::session::{self, Session};
use crate::upkeep::hot;
use crate::{plans, sql_function};
use inventory_core::alert::{self, Mark};
use inventory_core::book::Shelf;
use inventory_core::command::{Place, WarehouseId};
use inventory_core::decision::{self, Notice};
use inventory_core::fingerprint::{Content, Fingerprint};
use inventory_core::order_number::OrderNumber;
use inventory_core::text::{Label, name, required};
use inventory_core::{Code, QUANTITY_MAX, Refusal};
use pgrx::pg_sys::INT4OID;
use std::collections::BTreeMap;

sql_function!(put_product);
sql_function!(put_warehouse);
sql_function!(delete_product);
sql_function!(delete_warehouse);

/// The most bytes of a product's attributes as text.
const ATTRIBUTES_MAX: usize = 16_384;

/// A product as it is put.
struct Product {
    sku: Label,
    name: String,
    low_stock_threshold: Option<i64>,
    lot_controlled: bool,
    unit: Label,
    attributes: String,
}

impl Product {
    fn of(call: &Call) -> Result<Product, Refusal> {
        let product = Product {
            sku: Label::required("sku", call.text(0))?,
            name: name("name", call.text(1))?,
            low_stock_threshold: call.int8(2),
            lot_controlled: required("lot_controlled", call.bool(3))?,
            unit: Label::required("unit", call.text(4))?,
            attributes: required("attributes", call.json(5))?,
        };
        if product.low_stock_threshold.is_some_and(|t| !(0..=QUANTITY_MAX).contains(&t)) {
            return Err(Refusal::invalid(format!(
                "low_stock_threshold must be 0 to {QUANTITY_MAX}"
            )));
        }
        if !product.attributes.starts_with('{') {
            return Err(Refusal::invalid("attributes must be a JSON object"));
        }
        if product.attributes.len() > ATTRIBUTES_MAX {
            return Err(Refusal::invalid(format!(
                "attributes must have at most {ATTRIBUTES_MAX} bytes"
            )));
        }
        Ok(product)
    }

    fn fingerprint(&self) -> Fingerprint {
        Content::of("put_product")
            .text(&self.sku)
            .text(&self.name)
            .maybe_int(self.low_stock_threshold)
            .int(self.lot_controlled.into())
            .text(&self.unit)
            .text(&self.attributes)
            .finish()
    }

    /// Gives whether the product is new.
    fn put(&self, spi: &Spi, session: &Session, once: &Once) -> Result<Done, Refusal> {
        let insert = spi.execute(plans::INSERT_PRODUCT.plan(spi), &self.columns());
        let created = insert.processed() == 1;
        let mut kind_changes = false;
        if !created {
            let sku = Args::new().text(&self.sku);
            let known = spi.execute(plans::LOCK_PRODUCT.plan(spi), &sku);
            let Some(row) = known.first() else {
                return self.put(spi, session, once); // deleted the moment before: make it after all
            };
            kind_changes = row.bool(1) != self.lot_controlled;
        }
        let shelves = lock_sku(spi, session, &self.sku)?;
        let (on_hand, reserved) = sums(&shelves);
        if kind_changes && (on_hand, reserved) != (0, 0) {
            return Err(in_use(format!(
                "lot_controlled of SKU {} cannot change while {on_hand} units are on hand",
                self.sku
            )));
        }
        let alerts = self.alerts(&shelves);
        let once = once.with(alerts.len());
        if let Some(first) = once.claim(spi)? {
            if created {
                spi.execute(plans::DELETE_PRODUCT.plan(spi), &Args::new().text(&self.sku));
            }
            return Ok(first);
        }
        if !created {
            spi.execute(plans::UPDATE_PRODUCT.plan(spi), &self.columns());
        }
        if server::snapshot_is_fixed() {
            spi.crosscheck(plans::ALL_WAREHOUSES.plan(spi), &Args::new());
        }
        let (number, leaf) = session.leaf(&self.sku)?;
        let flags = Args::new().text(&self.sku).bool(self.lot_controlled);
        let flag = plans::FLAG_SKU.on_leaf(spi, number, &leaf.name);
        spi.execute(flag, &flags.maybe_int8(self.low_stock_threshold));
        engine::write_notices(spi, session, &alerts, &once.origin);
        Ok(once.answer(spi, created))
    }

    /// The places that another threshold makes low, or no longer low.
    fn alerts(&self, shelves: &BTreeMap<i32, Shelf>) -> Vec<Notice> {
        let threshold = self.low_stock_threshold;
        let crossed = |(warehouse, shelf): (&i32, &Shelf)| {
            let mark = |low_at| Mark { on_hand: shelf.on_hand(), low_at };
            let event = alert::crossing(mark(shelf.low_at), mark(threshold), shelf.moved)?;
            let warehouse_id = WarehouseId::new(Some(*warehouse)).ok()?;
            let place = Place { sku: self.sku.clone(), warehouse_id };
            let levels = shelf.levels(server::now().day());
            Some(decision::crossed(event, &place, levels, threshold))
        };
        shelves.iter().filter_map(crossed).collect()
    }

    fn columns(&self) -> Args<'static> {
        Args::new()
            .text(&self.sku)
            .text(&self.name)
            .maybe_int8(self.low_stock_threshold)
            .bool(self.lot_controlled)
            .text(&self.unit)
            .text(&self.attributes)
            .moment(server::now())
    }
}

fn put_product(call: &Call) -> Result<Answer, Refusal> {
    let product = Product::of(call)?;
    let origin = origin(call, 6)?;
    let done =
        once(origin, product.fingerprint(), |spi, session, once| product.put(spi, session, once))?;
    Ok(Answer::Row(&PUT, vec![ok(), Value::Bool(done.created), Value::Bool(done.replayed)]))
}

fn put_warehouse(call: &Call) -> Result<Answer, Refusal> {
    let id = WarehouseId::new(call.int4(0))?;
    let code = Label::required("code", call.text(1))?;
    let name = name("name", call.text(2))?;
    let origin = origin(call, 3)?;
    let content = Content::of("put_warehouse").int(id.number().into()).text(&code).text(&name);
    let done = once(origin, content.finish(), |spi, _, once| {
        put_warehouse_row(spi, id, &code, &name, once)
    })?;
    Ok(Answer::Row(&PUT, vec![ok(), Value::Bool(done.created), Value::Bool(done.replayed)]))
}

/// Makes warehouse 1, for an installation that has none.
pub fn put_main_warehouse(spi: &Spi) -> Result<(), Refusal> {
    let once = Once::default();
    put_warehouse_row(spi, WarehouseId::new(Some(1))?, "MAIN", "Main warehouse", &once)?;
    Ok(())
}

fn put_warehouse_row(
    spi: &Spi,
    id: WarehouseId,
    code: &str,
    name: &str,
    once: &Once,
) -> Result<Done, Refusal> {
    lock_warehouses(spi);
    let number = || Args::new().int4(id.number());
    if server::snapshot_is_fixed() {
        spi.crosscheck(plans::WAREHOUSES_OF.plan(spi), &number().text(code));
    }
    let taken = spi.execute(plans::WAREHOUSE_OF_CODE.plan(spi), &Args::new().text(code));
    if let Some(other) = taken.first().map(|r| r.int4(1)).filter(|other| *other != id.number()) {
        return Err(Refusal::invalid(format!("code {code} belongs to warehouse {other}")));
    }
    let created = spi.execute(plans::FIND_WAREHOUSE.plan(spi), &number()).len() == 0;
    if let Some(first) = once.claim(spi)? {
        return Ok(first);
    }
    session::make_number_sequence(spi, id.number());
    spi.execute(plans::PUT_WAREHOUSE.plan(spi), &number().text(code).text(name));
    if created {
        // A warehouse that comes again finds its empty rows, as far as their products are there.
        lock_warehouse_stock(spi, id);
        spi.script(&format!(
            "UPDATE inventory.stock AS s SET retired = false WHERE s.warehouse_id = {} AND s.retired
                AND EXISTS (SELECT FROM inventory.product AS p WHERE p.sku = s.sku)",
            id.number()
        ));
    }
    Ok(once.answer(spi, created))
}

fn delete_product(call: &Call) -> Result<Answer, Refusal> {
    let sku = Label::required("sku", call.text(0))?;
    let origin = origin(call, 1)?;
    let content = Content::of("delete_product").text(&sku).finish();
    let done = once(origin, content, |spi, session, once| {
        if spi.execute(plans::LOCK_PRODUCT.plan(spi), &Args::new().text(&sku)).len() == 0 {
            return Err(Refusal::new(Code::UnknownSku, format!("SKU {sku} does not exist")));
        }
        let (on_hand, reserved) = sums(&lock_sku(spi, session, &sku)?);
        if (on_hand, reserved) != (0, 0) {
            let detail = format!("SKU {sku} has {on_hand} units on hand, {reserved} reserved");
            return Err(in_use(detail));
        }
        refuse_open_order(spi, &plans::OPEN_ORDER_OF_SKU, &Args::new().text(&sku))?;
        let hot = hot::lock(spi, &sku);
        let once = once.with(hot.iter().len());
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        if let Some(found) = hot {
            hot::forget(spi, &sku);
            hot::tell(spi, session, &sku, false, found, &once.origin);
        }
        let (number, leaf) = session.leaf(&sku)?;
        spi.execute(plans::RETIRE_SKU.on_leaf(spi, number, &leaf.name), &Args::new().text(&sku));
        spi.execute(plans::DELETE_PRODUCT.plan(spi), &Args::new().text(&sku));
        Ok(once.answer(spi, false))
    })?;
    Ok(Answer::Row(&DELETED, vec![ok(), Value::Bool(done.replayed)]))
}

fn delete_warehouse(call: &Call) -> Result<Answer, Refusal> {
    let id = WarehouseId::used("warehouse_id", call.int4(0))?;
    let origin = origin(call, 1)?;
    let content = Content::of("delete_warehouse").int(id.number().into()).finish();
    let done = once(origin, content, |spi, _, once| {
        lock_warehouses(spi);
        let number = || Args::new().int4(id.number());
        if spi.execute(plans::LOCK_WAREHOUSE.plan(spi), &number()).len() == 0 {
            return Err(WarehouseId::unknown(id.number()));
        }
        let (on_hand, reserved) = lock_warehouse_stock(spi, id);
        if (on_hand, reserved) != (0, 0) {
            return Err(in_use(format!(
                "warehouse {} has {on_hand} units on hand, {reserved} reserved",
                id.number()
            )));
        }
        refuse_open_order(spi, &plans::OPEN_ORDER_OF_WAREHOUSE, &number())?;
        if let Some(first) = once.claim(spi)? {
            return Ok(first);
        }
        spi.script(&format!(
            "UPDATE inventory.stock AS s SET retired = true WHERE s.warehouse_id = {}",
            id.number()
        ));
        spi.execute(plans::DELETE_WAREHOUSE.plan(spi), &number());
        Ok(once.answer(spi, false))
    })?;
    Ok(Answer::Row(&DELETED, vec![ok(), Value::Bool(done.replayed)]))
}

/// Warehouses are few and rarely put or deleted: one at a time, so that neither id nor code is taken
/// twice. Those who use them are not kept out.
fn lock_warehouses(spi: &Spi) {
    spi.script("LOCK TABLE inventory.warehouse IN SHARE ROW EXCLUSIVE MODE");
}

/// Locks every stock row of a warehouse in lock order; gives units on hand and reserved. No index
/// leads with the warehouse: this is rare, and one more index would cost every receipt.
fn lock_warehouse_stock(spi: &Spi, id: WarehouseId) -> (i64, i64) {
    let number = id.number();
    if server::snapshot_is_fixed() {
        let state = spi.prepare(
            "SELECT pg_catalog.count(*), pg_catalog.sum(s.version)::pg_catalog.int8
               FROM inventory.stock AS s WHERE s.warehouse_id = $1",
            &[INT4OID],
        );
        spi.crosscheck(state, &Args::new().int4(number));
        state.free();
    }
    // Sums, not a WHERE: PostgreSQL would put that below the locks, and leave empty rows unlocked.
    let rows = spi.script(&format!(
        "SELECT pg_catalog.sum(l.on_hand)::pg_catalog.int8, pg_catalog.sum(l.reserved)::pg_catalog.int8
           FROM (SELECT s.on_hand, s.reserved FROM inventory.stock AS s WHERE s.warehouse_id = {number}
                  ORDER BY s.sku, s.warehouse_id, s.lot FOR UPDATE) AS l"
    ));
    rows.first().map_or((0, 0), |sums| (sums.int8(1), sums.int8(2)))
}

/// Orders under way keep what they name. Whoever makes one holds product and warehouse meanwhile.
fn refuse_open_order(spi: &Spi, find: &plans::Statement, args: &Args) -> Result<(), Refusal> {
    if server::snapshot_is_fixed() {
        spi.crosscheck(find.plan(spi), args);
    }
    let open = spi.execute(find.plan(spi), args).first().map(|order| order.int8(1));
    let number = |id| OrderNumber::from_id(id).text();
    open.map_or(Ok(()), |id| Err(in_use(format!("order {} is open", number(id)))))
}

/// Units on hand and reserved over all warehouses.
fn sums(shelves: &BTreeMap<i32, Shelf>) -> (i64, i64) {
    let rows = || shelves.values().flat_map(|shelf| &shelf.rows);
    (rows().map(|row| row.on_hand).sum(), rows().map(|row| row.reserved).sum())
}

fn in_use(detail: String) -> Refusal {
    Refusal::new(Code::InUse, detail)
}
