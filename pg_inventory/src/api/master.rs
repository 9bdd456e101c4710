//! Master data: `put_product`, `put_warehouse`, `delete_product`, `delete_warehouse`.
//!
//! Stock rows repeat the product's kind and threshold, so a change locks them first, in the order
//! of every other command, and the product after them; who makes a new stock row holds the product.

use super::{DELETED, Origin, PUT, ok};
use crate::engine::{self, Claim, Known, lock_sku};
use crate::pg::call::{Answer, Call, Value};
use crate::pg::server;
use crate::pg::spi::{self, Args, Spi};
use crate::session::{self, Session};
use crate::{plans, sql_function};
use inventory_core::command::{RequestId, WarehouseId};
use inventory_core::fingerprint::{Content, Fingerprint};
use inventory_core::text::{Label, name, required};
use inventory_core::{Code, QUANTITY_MAX, Refusal};

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
    fn put(&self, spi: &Spi, session: &Session) -> Result<bool, Refusal> {
        let (number, leaf) = session.leaf(&self.sku)?;
        let sku = || Args::new().text(&self.sku);
        lock_sku(spi, session, &self.sku)?;
        let known = spi.execute(plans::LOCK_PRODUCT.plan(spi), &sku());
        let kind_changes = known.first().is_some_and(|r| r.bool(1) != self.lot_controlled);
        // Rows that were made before the product was ours are locked too.
        let (rows, on_hand, reserved) = lock_sku(spi, session, &self.sku)?;
        if kind_changes && (on_hand, reserved) != (0, 0) {
            return Err(in_use(format!(
                "lot_controlled of SKU {} cannot change while {on_hand} units are on hand",
                self.sku
            )));
        }
        let put = sku()
            .text(&self.name)
            .maybe_int8(self.low_stock_threshold)
            .bool(self.lot_controlled)
            .text(&self.unit)
            .text(&self.attributes)
            .moment(server::now());
        spi.execute(plans::PUT_PRODUCT.plan(spi), &put);
        if rows > 0 {
            let flags = sku().bool(self.lot_controlled).maybe_int8(self.low_stock_threshold);
            spi.execute(plans::FLAG_SKU.on_leaf(spi, number, &leaf.name), &flags);
        }
        Ok(known.len() == 0)
    }
}

fn put_product(call: &Call) -> Result<Answer, Refusal> {
    let product = Product::of(call)?;
    let origin = Origin::of(call, 6)?;
    let (created, replayed) =
        once(&origin, product.fingerprint(), |spi, session| product.put(spi, session))?;
    Ok(Answer::Row(&PUT, vec![ok(), Value::Bool(created), Value::Bool(replayed)]))
}

fn put_warehouse(call: &Call) -> Result<Answer, Refusal> {
    let id = WarehouseId::new(call.int4(0))?;
    let code = Label::required("code", call.text(1))?;
    let name = name("name", call.text(2))?;
    let origin = Origin::of(call, 3)?;
    let content = Content::of("put_warehouse").int(id.number().into()).text(&code).text(&name);
    let (created, replayed) = once(&origin, content.finish(), |spi, session| {
        put_warehouse_row(spi, session, id, &code, &name)
    })?;
    Ok(Answer::Row(&PUT, vec![ok(), Value::Bool(created), Value::Bool(replayed)]))
}

fn put_warehouse_row(
    spi: &Spi,
    session: &Session,
    id: WarehouseId,
    code: &Label,
    name: &str,
) -> Result<bool, Refusal> {
    let number = || Args::new().int4(id.number());
    let taken = spi.execute(plans::WAREHOUSE_OF_CODE.plan(spi), &Args::new().text(code));
    if let Some(other) = taken.first().map(|r| r.int4(1)).filter(|other| *other != id.number()) {
        return Err(Refusal::invalid(format!("code {code} belongs to warehouse {other}")));
    }
    let created = spi.execute(plans::LOCK_WAREHOUSE.plan(spi), &number()).len() == 0;
    spi.execute(plans::PUT_WAREHOUSE.plan(spi), &number().text(code).text(name));
    if created {
        session::make_number_sequence(spi, id.number());
        for leaf in session.leaves() {
            // A warehouse that comes again finds its empty rows, as far as their products are there.
            spi.script(&format!(
                "UPDATE inventory.{} AS s SET retired = false WHERE s.warehouse_id = {} AND s.retired
                    AND EXISTS (SELECT FROM inventory.product AS p WHERE p.sku = s.sku)",
                leaf.name, id.number()
            ));
        }
    }
    Ok(created)
}

fn delete_product(call: &Call) -> Result<Answer, Refusal> {
    let sku = Label::required("sku", call.text(0))?;
    let origin = Origin::of(call, 1)?;
    let content = Content::of("delete_product").text(&sku).finish();
    let (_, replayed) = once(&origin, content, |spi, session| {
        let (number, leaf) = session.leaf(&sku)?;
        lock_sku(spi, session, &sku)?;
        if spi.execute(plans::LOCK_PRODUCT.plan(spi), &Args::new().text(&sku)).len() == 0 {
            return Err(Refusal::new(Code::UnknownSku, format!("SKU {sku} does not exist")));
        }
        let (_, on_hand, reserved) = lock_sku(spi, session, &sku)?;
        if (on_hand, reserved) != (0, 0) {
            return Err(in_use(format!(
                "SKU {sku} has {on_hand} units on hand, {reserved} reserved"
            )));
        }
        spi.execute(plans::RETIRE_SKU.on_leaf(spi, number, &leaf.name), &Args::new().text(&sku));
        spi.execute(plans::DELETE_PRODUCT.plan(spi), &Args::new().text(&sku));
        Ok(true)
    })?;
    Ok(Answer::Row(&DELETED, vec![ok(), Value::Bool(replayed)]))
}

fn delete_warehouse(call: &Call) -> Result<Answer, Refusal> {
    let id = WarehouseId::used(call.int4(0))?;
    let origin = Origin::of(call, 1)?;
    let content = Content::of("delete_warehouse").int(id.number().into()).finish();
    let (_, replayed) = once(&origin, content, |spi, session| {
        lock_warehouse_stock(spi, session, id);
        let number = || Args::new().int4(id.number());
        if spi.execute(plans::LOCK_WAREHOUSE.plan(spi), &number()).len() == 0 {
            return Err(WarehouseId::unknown(id.number()));
        }
        let (on_hand, reserved) = lock_warehouse_stock(spi, session, id);
        if (on_hand, reserved) != (0, 0) {
            return Err(in_use(format!(
                "warehouse {} has {on_hand} units on hand, {reserved} reserved",
                id.number()
            )));
        }
        spi.script(&format!(
            "UPDATE inventory.stock AS s SET retired = true WHERE s.warehouse_id = {}",
            id.number()
        ));
        spi.execute(plans::DELETE_WAREHOUSE.plan(spi), &number());
        Ok(true)
    })?;
    Ok(Answer::Row(&DELETED, vec![ok(), Value::Bool(replayed)]))
}

/// Locks every stock row of a warehouse in lock order; gives units on hand and reserved. No index
/// leads with the warehouse: this is rare, and one more index would cost every receipt.
fn lock_warehouse_stock(spi: &Spi, _: &Session, id: WarehouseId) -> (i64, i64) {
    let rows = spi.script(&format!(
        "SELECT l.on_hand, l.reserved
           FROM (SELECT s.on_hand, s.reserved FROM inventory.stock AS s WHERE s.warehouse_id = {}
                  ORDER BY s.sku, s.warehouse_id, s.lot FOR UPDATE) AS l
          WHERE l.on_hand <> 0 OR l.reserved <> 0",
        id.number()
    ));
    let sum = |column| rows.iter().map(|r| r.int8(column)).sum();
    (sum(1), sum(2))
}

fn in_use(detail: String) -> Refusal {
    Refusal::new(Code::InUse, detail)
}

/// Runs a command on master data once per request id; gives its answer and whether it is a replay.
fn once(
    origin: &Origin,
    fingerprint: Fingerprint,
    effect: impl Fn(&Spi, &Session) -> Result<bool, Refusal>,
) -> Result<(bool, bool), Refusal> {
    spi::connect(|spi| {
        let session = session::writing(spi)?;
        let Some(id) = origin.request_id else {
            return Ok((effect(spi, &session)?, false));
        };
        if let Some(known) = find(spi, id) {
            return replay(&known, fingerprint);
        }
        let answer = effect(spi, &session);
        // It may have been carried out by somebody else while we waited for the rows.
        if let Some(known) = find(spi, id) {
            return replay(&known, fingerprint);
        }
        let answer = answer?;
        let claim =
            Claim { id, fingerprint, order: None, levels: vec![answer.into()], movements: 0 };
        if claim.insert(spi, server::now()).is_empty() {
            // The same id, committed this instant for another row: the effect just made must go.
            return Err(engine::reused());
        }
        Ok((answer, false))
    })
}

fn find(spi: &Spi, id: RequestId) -> Option<Known> {
    engine::look_up(spi, &[id]).pop().map(|(_, known)| known)
}

fn replay(known: &Known, fingerprint: Fingerprint) -> Result<(bool, bool), Refusal> {
    if known.fingerprint != fingerprint {
        return Err(engine::reused());
    }
    Ok((known.levels.first() == Some(&1), true))
}
