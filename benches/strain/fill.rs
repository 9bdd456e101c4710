//! Large tables, filled outright: by the engine's commands it would take hours. The rows are those that it would
//! have written, and `verify()` holds them to that.

use inventory_benches::{Database, Result};

use crate::goods;
use crate::site::Site;

/// SKUs are named by a number below this; each table has every n-th of them, so that all have the same ten
/// thousand, evenly among the others.
const NAMES: u64 = 10_000_000;
/// The distance of the SKUs that are touched.
const TOUCHED: u64 = NAMES / goods::SKUS;
/// Rows written in one go.
const CHUNK: u64 = 200_000;

/// How many rows each table has.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// A power of ten, from 10,000 to 10,000,000.
    pub stock: u64,
    /// As many as `stock`, or a multiple of it.
    pub journal: u64,
    pub request: u64,
}

impl Size {
    /// Stock in the power of ten that the names allow.
    pub fn of(stock: u64, journal: u64, request: u64) -> Size {
        let stock = 10u64.pow(stock.ilog10()).clamp(goods::SKUS, NAMES);
        Size { stock, journal: journal.max(stock), request }
    }
}

/// Orders of the ten thousand SKUs that every size has.
pub fn deduct_touched() -> String {
    format!(
        "\\set n random(1, {})\nSELECT * FROM inventory.deduct('SKU-' || lpad((:n * {TOUCHED})::text, 8, '0'), 1, request_id => gen_random_uuid());",
        goods::SKUS
    )
}

/// Orders of all SKUs of a stock of this size.
pub fn deduct_any(stock: u64) -> String {
    format!(
        "\\set n random(1, {stock})\nSELECT * FROM inventory.deduct('SKU-' || lpad((:n * {})::text, 8, '0'), 1, request_id => gen_random_uuid());",
        NAMES / stock
    )
}

pub fn tables(site: &Site, database: &Database, size: Size) -> Result<()> {
    let movements = size.journal / size.stock;
    stock(site, database, size.stock, movements)?;
    journal(site, database, size.stock, movements)?;
    requests(site, database, size.request, "now()")?;
    site.bar.phase(format!("{}: VACUUM", database.name), 0);
    goods::settle(database)
}

fn sku(stock: u64) -> String {
    format!("'SKU-' || lpad((i * {})::text, 8, '0')", NAMES / stock)
}

/// Plenty of each, of which all but the first came one by one.
fn stock(site: &Site, database: &Database, rows: u64, movements: u64) -> Result<()> {
    let sku = sku(rows);
    chunks(site, database, "stock", rows, &format!(
        "INSERT INTO inventory.product (sku, name, lot_controlled, unit, attributes, created_at, updated_at)
         SELECT {sku}, 'Bench goods', false, 'each', '{{}}', now(), now() FROM numbers;
         INSERT INTO inventory.stock (sku, warehouse_id, lot, on_hand, reserved, version, received_at, lot_controlled)
         SELECT {sku}, 1, '', {} + {movements} - 1, 0, {movements}, now(), false FROM numbers", goods::PLENTY))
}

/// The receipts behind that, round by round.
fn journal(site: &Site, database: &Database, stock: u64, movements: u64) -> Result<()> {
    let (sku, plenty, rows) = (sku(stock), goods::PLENTY, stock * movements);
    let begin = "SELECT nextval('inventory.journal_id')";
    let before = database.number(begin)?;
    chunks(site, database, "journal", rows, &format!(
        "INSERT INTO inventory.journal (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta,
                reserved_delta, on_hand, reserved, version, request_id, reason, db_user)
         SELECT {before} + n, g.generation, pg_current_xact_id(), now(), 'STOCK_RECEIVED', {sku}, 1, '',
                CASE r.round WHEN 0 THEN {plenty} ELSE 1 END, 0, {plenty} + r.round, 0, r.round + 1,
                gen_random_uuid(), 'receipt', 'bench'
           FROM (SELECT i AS n, (i - 1) / {stock} AS round, (i - 1) % {stock} + 1 AS i FROM numbers) AS r
          CROSS JOIN inventory.installation AS g"))?;
    database.run(&format!("SELECT setval('inventory.journal_id', {before} + {rows})"))
}

/// Answered requests; `at` is an SQL expression of the row's number `i`, counted from 1. What they did is not in the
/// journal, so they say they did nothing.
pub fn requests(site: &Site, database: &Database, rows: u64, at: &str) -> Result<()> {
    chunks(site, database, "requests", rows, &format!(
        "INSERT INTO inventory.request (request_id, fingerprint, order_id, levels, movements, at)
         SELECT gen_random_uuid(), gen_random_uuid(), 1764000000001000000 + i, ARRAY[{plenty} - i, 0, {plenty} - i], 0, {at}
           FROM numbers", plenty = goods::PLENTY))
}

/// Runs a statement for all rows, some at a time: the view `numbers (i)` has those, counted from 1.
fn chunks(site: &Site, database: &Database, what: &str, rows: u64, sql: &str) -> Result<()> {
    site.bar.phase(format!("{}: {what}", database.name), rows);
    for from in (0..rows).step_by(CHUNK as usize) {
        let until = (from + CHUNK).min(rows);
        database.run(&format!(
            "CREATE TEMPORARY VIEW numbers AS SELECT i FROM generate_series({from} + 1, {until}) AS i;
             SET synchronous_commit = off; {sql}"
        ))?;
        site.bar.at(until);
    }
    Ok(())
}
