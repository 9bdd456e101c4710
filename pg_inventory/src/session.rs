//! What a session has looked up: whether the tables are there, the leaves of stock, the sequences
//! of order numbers, the generation. Dropped as soon as anybody alters one of these relations.

use crate::engine::Patience;
use crate::pg::spi::{Args, Spi};
use crate::pg::{lock, server, watch};
use crate::plans;
use inventory_core::{Code, Refusal};
use pgrx::pg_sys::{INT4OID, INT8OID, Oid, TEXTOID};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The layout this library works with: the number of the last file in sql/layout.
pub const LAYOUT: i32 = 7;

/// One leaf of stock.
pub struct Leaf {
    /// As an SQL identifier.
    pub name: String,
    pub oid: Oid,
    pub modulus: u64,
    pub remainder: u64,
}

/// Whether the session's generation is the stored one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stored {
    Yes,
    /// By this transaction, which may yet be rolled back.
    In(u64),
    No,
}

/// A database's layout as this session knows it.
pub struct Session {
    pub generation: i32,
    stored: Cell<Stored>,
    /// Looked up on a standby, which may become a primary under this session.
    standby: bool,
    installation: Oid,
    pub journal: Oid,
    pub journal_ids: Oid,
    pub requests: Oid,
    stock: Oid,
    leaves: Vec<Leaf>,
    numbers: RefCell<Vec<(i32, Oid)>>,
}

thread_local! {
    static CURRENT: RefCell<Option<Rc<Session>>> = const { RefCell::new(None) };
}

/// The session's layout, for a command that will write. Holds off resharding until the transaction
/// ends.
pub fn writing(spi: &Spi, patience: Patience) -> Result<Rc<Session>, Refusal> {
    server::refuse_where_read_only();
    loop {
        let session = current(spi)?;
        match patience {
            Patience::Wait => lock::writing(session.stock),
            Patience::Never if lock::try_writing(session.stock) => {}
            Patience::Never => return Err(Refusal::new(Code::Busy, "stock is being resharded")),
        }
        // Taking the lock took in what others did before: look again if it concerns us.
        if session.standby {
            CURRENT.set(None);
        } else if !watch::stale() {
            session.store_generation(spi);
            return Ok(session);
        }
    }
}

/// The session's layout, for a report on all of stock. Holds off resharding until the transaction ends.
pub fn reading(spi: &Spi) -> Result<Rc<Session>, Refusal> {
    loop {
        let session = current(spi)?;
        lock::reading(session.stock);
        if !watch::stale() {
            return Ok(session);
        }
    }
}

/// The session's layout, for a command that only reads.
pub fn current(spi: &Spi) -> Result<Rc<Session>, Refusal> {
    if !watch::stale()
        && let Some(session) = CURRENT.with_borrow(Clone::clone)
    {
        return Ok(session);
    }
    CURRENT.set(None);
    plans::forget();
    let session = Rc::new(Session::look_up(spi)?);
    CURRENT.set(Some(session.clone()));
    Ok(session)
}

fn not_installed(detail: impl Into<String>) -> Refusal {
    Refusal::new(Code::NotInstalled, detail)
}

/// The layout of the tables that are there.
pub fn stored_layout(spi: &Spi) -> Option<i32> {
    relation(spi, "inventory.installation")?;
    spi.script("SELECT i.layout FROM inventory.installation AS i").first().map(|row| row.int4(1))
}

/// Raises a serialization failure where the transaction's snapshot is from before the layout of today:
/// the tables are as they are now, whatever their rows say.
pub fn crosscheck_layout(spi: &Spi) {
    if server::snapshot_is_fixed() && relation(spi, "inventory.installation").is_some() {
        spi.crosscheck(plans::LAYOUT.plan(spi), &Args::new());
    }
}

/// The relation of that name.
pub fn relation(spi: &Spi, name: &str) -> Option<Oid> {
    let sql = "SELECT pg_catalog.to_regclass($1)::pg_catalog.oid";
    spi.once(sql, &[TEXTOID], &Args::new().text(name)).first()?.oid(1)
}

impl Session {
    fn look_up(spi: &Spi) -> Result<Session, Refusal> {
        let missing = || not_installed("the inventory tables are not in this database");
        let installation = relation(spi, "inventory.installation").ok_or_else(missing)?;
        let stock = relation(spi, "inventory.stock").ok_or_else(missing)?;
        let journal = relation(spi, "inventory.journal").ok_or_else(missing)?;
        let journal_ids = relation(spi, "inventory.journal_id").ok_or_else(missing)?;
        let requests = relation(spi, "inventory.request").ok_or_else(missing)?;
        // Watch before reading: what changes in between is noticed.
        watch::begin(vec![installation, stock, journal_ids]);
        let (generation, stored) = generation(spi, installation)?;
        // A snapshot from before the leaves were made sees none of their rows.
        if server::snapshot_is_fixed() {
            spi.crosscheck(plans::LEAVES_STATE.plan(spi), &Args::new());
        }
        Ok(Session {
            generation,
            stored: Cell::new(stored),
            standby: server::in_recovery(),
            installation,
            journal,
            journal_ids,
            requests,
            stock,
            leaves: leaves(spi)?,
            numbers: RefCell::default(),
        })
    }

    /// The leaf of a SKU's stock, with its number in the list of leaves.
    pub fn leaf(&self, sku: &str) -> Result<(usize, &Leaf), Refusal> {
        let hash = server::partition_hash(sku);
        self.leaves
            .iter()
            .enumerate()
            .find(|(_, leaf)| hash % leaf.modulus == leaf.remainder)
            .ok_or_else(|| not_installed(format!("no partition of stock takes SKU {sku}")))
    }

    /// Stores a new generation with the first command that writes. It does not wait: whoever stores
    /// it first may keep their transaction open, and the others have arrived at the same number.
    fn store_generation(&self, spi: &Spi) {
        match self.stored.get() {
            Stored::Yes => return,
            Stored::In(transaction) if transaction == server::transaction_id() => return,
            Stored::In(_) | Stored::No => {}
        }
        let now = spi.script("SELECT i.generation FROM inventory.installation AS i");
        if now.first().is_some_and(|row| row.int4(1) >= self.generation) {
            return self.stored.set(Stored::Yes);
        }
        let here = server::identity(self.installation);
        let args = Args::new()
            .int8(here.system_id)
            .int8(here.timeline)
            .int8(here.database_oid)
            .int4(self.generation)
            .maybe_int8(here.born)
            .maybe_int8(here.table_oid);
        spi.once(
            "UPDATE inventory.installation AS i
                SET generation = $4, system_id = $1, timeline = $2, database_oid = $3, born = $5,
                    table_oid = $6
              WHERE i.only_row IN (SELECT l.only_row FROM inventory.installation AS l
                                    WHERE l.generation < $4 FOR UPDATE SKIP LOCKED)",
            &[INT8OID, INT8OID, INT8OID, INT4OID, INT8OID, INT8OID],
            &args,
        );
        self.stored.set(Stored::In(server::transaction_id()));
    }

    /// The sequence that counts a warehouse's order numbers.
    pub fn numbers_of(&self, spi: &Spi, warehouse_id: i32) -> Result<Oid, Refusal> {
        let known = |list: &Vec<(i32, Oid)>| list.iter().find(|n| n.0 == warehouse_id).map(|n| n.1);
        if let Some(oid) = known(&self.numbers.borrow()) {
            return Ok(oid);
        }
        let missing =
            || not_installed(format!("warehouse {warehouse_id} has no order number sequence"));
        let oid = relation(spi, &number_sequence(warehouse_id)).ok_or_else(missing)?;
        watch::also(oid);
        self.numbers.borrow_mut().push((warehouse_id, oid));
        Ok(oid)
    }
}

/// The name of the sequence that counts a warehouse's order numbers.
fn number_sequence(warehouse_id: i32) -> String {
    format!("inventory.order_number_{warehouse_id:03}")
}

/// Makes that sequence where it is missing, and gives its name then. It outlives its warehouse, so
/// that one that comes again counts on.
pub fn make_number_sequence(spi: &Spi, warehouse_id: i32) -> Option<String> {
    let name = number_sequence(warehouse_id);
    let missing = relation(spi, &name).is_none();
    missing.then(|| {
        spi.script(&format!("CREATE SEQUENCE {name} AS bigint CACHE 1"));
        name
    })
}

/// The leaves of stock with the part of the hash space each one takes. (The bound is put into words without
/// its leaf, which would have to be locked for that: one that is kept would keep everybody out.)
pub fn leaves(spi: &Spi) -> Result<Vec<Leaf>, Refusal> {
    let rows = spi.script(
        "SELECT c.relname::pg_catalog.text, b.part[1]::pg_catalog.int8, b.part[2]::pg_catalog.int8, c.oid
           FROM pg_catalog.pg_inherits AS i
           JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
          CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, 0),
                'modulus ([0-9]+), remainder ([0-9]+)') AS b (part)
          WHERE i.inhparent = 'inventory.stock'::pg_catalog.regclass AND b.part IS NOT NULL
          ORDER BY c.relname",
    );
    let leaves: Vec<Leaf> = rows
        .iter()
        .map(|r| Leaf {
            name: quoted(&r.text(1)),
            oid: r.oid(4).unwrap_or(Oid::INVALID),
            modulus: r.int8(2).unsigned_abs(),
            remainder: r.int8(3).unsigned_abs(),
        })
        .filter(|leaf| leaf.modulus > 0)
        .collect();
    if leaves.is_empty() {
        return Err(not_installed("inventory.stock has no partitions"));
    }
    Ok(leaves)
}

/// A name as an SQL identifier.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The generation this database is in, and whether it only begins now: a restored or cloned
/// database finds another identity than its own stored.
fn generation(spi: &Spi, installation: Oid) -> Result<(i32, Stored), Refusal> {
    let rows = spi.script("SELECT i.layout FROM inventory.installation AS i");
    if rows.first().is_none_or(|row| row.int4(1) != LAYOUT) {
        crosscheck_layout(spi);
    }
    let empty = || not_installed("inventory.installation is empty");
    let layout = rows.first().ok_or_else(empty)?.int4(1);
    if layout != LAYOUT {
        // A session keeps the library that it has loaded, whatever was put in its place since.
        let again = if layout > LAYOUT { ": connect again, or update its files" } else { "" };
        return Err(not_installed(format!(
            "the tables have layout {layout}, this library works with {LAYOUT}{again}"
        )));
    }
    // An older layout has not got all of these.
    let rows = spi.script(
        "SELECT i.generation, i.system_id, i.timeline, i.database_oid, i.born, i.table_oid
           FROM inventory.installation AS i",
    );
    let row = rows.first().ok_or_else(empty)?;
    let generation = row.int4(1);
    if server::in_recovery() {
        return Ok((generation, Stored::Yes));
    }
    let stored = server::Identity {
        system_id: row.int8(2),
        timeline: row.int8(3),
        database_oid: row.int8(4),
        born: row.maybe_int8(5),
        table_oid: row.maybe_int8(6),
    };
    if stored.is(&server::identity(installation)) {
        return Ok((generation, Stored::Yes));
    }
    Ok((generation.saturating_add(1), Stored::No))
}
