//! Leaves of stock: made, split in two, joined again while others work.
//!
//! A leaf is replaced in one short transaction that has the whole of stock to itself, so that each
//! command finds either the old leaves or the new ones. Commands queue behind it meanwhile, and while it
//! queues itself.

use super::owner;
use super::queue::{self, Kept};
use crate::pg::spi::{Args, Spi};
use crate::session::{self, Leaf};
use inventory_core::{Code, Refusal};
use pgrx::pg_sys::INT8OID;

/// The most leaves: names have two digits.
pub const MOST: i32 = 64;
const STOCK: &str = "inventory.stock";
/// The longest that one try may queue for stock, in milliseconds.
const QUEUE: i32 = 800;

/// How many leaves there shall be: a power of two.
#[derive(Clone, Copy)]
pub struct Shards(u64);

impl Shards {
    pub fn new(number: i32) -> Result<Shards, Refusal> {
        let whole = (1..=MOST).contains(&number) && number.count_ones() == 1;
        let asked = u64::try_from(number).ok().filter(|_| whole).map(Shards);
        asked.ok_or_else(|| {
            Refusal::invalid(format!(
                "shards must be a power of two from 1 to {MOST}, got {number}"
            ))
        })
    }

    pub fn make_all(self, spi: &Spi) {
        let owner = owner(spi, STOCK);
        (0..self.0).for_each(|remainder| make(spi, self.0, remainder, &owner));
    }

    fn number(self) -> i64 {
        i64::try_from(self.0).unwrap_or(i64::MAX)
    }
}

/// Fillfactor: room for the next version of a row on its own page, so that an update touches no index.
/// Never-analyzed leaves of a busy table bloat: vacuum by a small share.
fn make(spi: &Spi, modulus: u64, remainder: u64, owner: &str) {
    spi.script(&format!(
        "CREATE TABLE inventory.stock_{remainder:02} PARTITION OF {STOCK}
            FOR VALUES WITH (MODULUS {modulus}, REMAINDER {remainder})
            WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05);
         ALTER TABLE inventory.stock_{remainder:02} OWNER TO {owner}"
    ));
}

/// Old leaves, and the parts of the hash space that take their place.
struct Change {
    old: Vec<Leaf>,
    modulus: u64,
    remainders: Vec<u64>,
}

/// What one step came to.
pub enum Step {
    Done,
    More,
    /// Nothing was done: these keep stock.
    WaitsFor(String),
}

/// Says where to; whether there is a way to go. Of two that reshape stock to different ends, the one that
/// began last goes on.
pub fn begin(spi: &Spi, shards: Shards) -> Result<Step, Refusal> {
    let sql = "INSERT INTO inventory.upkeep AS u (job, position, at)
               VALUES ('reshard', $1, pg_catalog.clock_timestamp())
               ON CONFLICT (job) DO UPDATE SET position = excluded.position, at = excluded.at";
    spi.once(sql, &[INT8OID], &Args::new().int8(shards.number()));
    left(spi, shards)
}

/// Splits or joins the next leaf on the way to `shards`. Raises lock_not_available when it would have
/// to queue for longer.
pub fn step(spi: &Spi, shards: Shards, milliseconds: i32) -> Result<Step, Refusal> {
    let sql =
        "SELECT FROM inventory.upkeep AS u WHERE u.job = 'reshard' AND u.position = $1 FOR UPDATE";
    if spi.once(sql, &[INT8OID], &Args::new().int8(shards.number())).len() == 0 {
        let detail = "another session has begun to reshard to another number";
        return Err(Refusal::new(Code::Busy, detail));
    }
    if let Step::Done = left(spi, shards)? {
        return Ok(Step::Done);
    }
    if let Some(whom) = queue::kept_by(spi, &Kept::Whole(STOCK)) {
        return Ok(Step::WaitsFor(whom));
    }
    let patience = milliseconds.clamp(1, QUEUE);
    spi.script(&format!("SELECT pg_catalog.set_config('lock_timeout', '{patience}', true)"));
    spi.script(&format!("LOCK TABLE ONLY {STOCK} IN ACCESS EXCLUSIVE MODE"));
    if let Some(change) = next(session::leaves(spi)?, shards)? {
        change.carry_out(spi);
    }
    left(spi, shards)
}

fn left(spi: &Spi, shards: Shards) -> Result<Step, Refusal> {
    let next = next(session::leaves(spi)?, shards)?;
    Ok(next.map_or(Step::Done, |_| Step::More))
}

/// The largest leaf that is to be split, or the two smallest that are to be joined.
fn next(mut leaves: Vec<Leaf>, shards: Shards) -> Result<Option<Change>, Refusal> {
    if let Some(odd) = leaves.iter().find(|leaf| leaf.modulus.count_ones() != 1) {
        let detail = format!("leaf {} was not made by this extension", odd.name);
        return Err(Refusal::invalid(detail));
    }
    leaves.sort_by_key(|leaf| (leaf.modulus, leaf.remainder));
    if leaves.first().is_some_and(|leaf| leaf.modulus < shards.0) {
        let old = leaves.swap_remove(0);
        let remainders = vec![old.remainder, old.remainder + old.modulus];
        return Ok(Some(Change { modulus: old.modulus * 2, remainders, old: vec![old] }));
    }
    let Some(last) = leaves.last().filter(|leaf| leaf.modulus > shards.0) else { return Ok(None) };
    let modulus = last.modulus / 2;
    let remainder = last.remainder % modulus;
    leaves.retain(|leaf| leaf.modulus == modulus * 2 && leaf.remainder % modulus == remainder);
    Ok(Some(Change { modulus, remainders: vec![remainder], old: leaves }))
}

impl Change {
    /// PostgreSQL's own routing takes each row to its new leaf.
    fn carry_out(&self, spi: &Spi) {
        for (at, leaf) in self.old.iter().enumerate() {
            set_aside(spi, leaf, at);
        }
        let owner = owner(spi, STOCK);
        for remainder in &self.remainders {
            make(spi, self.modulus, *remainder, &owner);
        }
        let columns = columns(spi);
        for at in 0..self.old.len() {
            spi.script(&format!(
                "INSERT INTO inventory.stock ({columns})
                 SELECT {columns} FROM inventory.stock_before_{at} AS s ORDER BY s.sku, s.warehouse_id, s.lot;
                 DROP TABLE inventory.stock_before_{at}"
            ));
        }
    }
}

/// Out of the way with its name, and with that of its index, for the one that takes its place.
fn set_aside(spi: &Spi, leaf: &Leaf, at: usize) {
    let name = &leaf.name;
    spi.script(&format!(
        "ALTER TABLE inventory.stock DETACH PARTITION inventory.{name};
         ALTER TABLE inventory.{name} RENAME TO stock_before_{at}"
    ));
    let indexes = spi.script(&format!(
        "SELECT pg_catalog.quote_ident(c.relname) FROM pg_catalog.pg_index AS i
           JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
          WHERE i.indrelid = 'inventory.stock_before_{at}'::pg_catalog.regclass"
    ));
    for (number, index) in indexes.iter().map(|row| row.text(1)).enumerate() {
        spi.script(&format!(
            "ALTER INDEX inventory.{index} RENAME TO stock_before_{at}_index_{number}"
        ));
    }
}

/// The columns of stock, whatever their order in a leaf.
fn columns(spi: &Spi) -> String {
    let columns = spi.script(
        "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY a.attnum)
           FROM pg_catalog.pg_attribute AS a
          WHERE a.attrelid = 'inventory.stock'::pg_catalog.regclass AND a.attnum > 0 AND NOT a.attisdropped",
    );
    columns.first().map(|row| row.text(1)).unwrap_or_default()
}
