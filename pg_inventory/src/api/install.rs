//! `install`: makes the tables, or brings an older layout up to date.

use crate::pg::call::{Answer, Call, Value};
use crate::pg::spi::{self, Args, Spi};
use crate::pg::{lock, server};
use crate::session::{self, LAYOUT};
use crate::sql_function;
use crate::upkeep::journal;
use crate::upkeep::leaves::Shards;
use inventory_core::order::{OrderState, TRANSITIONS};
use inventory_core::order_number::OrderNumber;
use inventory_core::text::required;
use inventory_core::{Code, Refusal};
use pgrx::pg_sys::{INT4OID, INT8OID, Oid};

sql_function!(install);

/// The steps from nothing to the layout of today; step n brings layout n - 1 to n, so a fresh
/// install and an upgraded one are the same by construction.
const STEPS: [fn(&Spi, Shards); LAYOUT as usize] = [
    core_tables,
    domain_tables,
    hot_tables,
    gateway_tables,
    relay_tables,
    saga_tables,
    repair_tables,
];

/// Journal partitions that exist from the start; what comes after them falls into the default one.
const JOURNAL_AHEAD: i64 = 10;

fn install(call: &Call) -> Result<Answer, Refusal> {
    let shards = Shards::new(required("shards", call.int4(0))?)?;
    if required("distributed", call.bool(1))? {
        return Err(Refusal::invalid(
            "distributed tables are not offered yet: leave distributed false",
        ));
    }
    server::refuse_where_read_only();
    spi::connect(|spi| {
        // Two installs at once: the second waits, then finds everything there.
        lock::installing();
        session::crosscheck_layout(spi);
        let found = session::stored_layout(spi).unwrap_or(0);
        if found > LAYOUT {
            return Err(Refusal::new(
                Code::NotInstalled,
                format!(
                    "the tables have layout {found}, this library knows {LAYOUT}: update the extension"
                ),
            ));
        }
        for step in &STEPS[found as usize..] {
            step(spi, shards);
        }
        let changed = found < LAYOUT;
        if changed {
            keep_layout(spi);
        }
        warehouses(spi)?;
        let what = if found == 0 {
            "installed"
        } else if changed {
            "brought up to date"
        } else {
            "up to date"
        };
        Ok(Answer::Scalar(Value::text(format!("inventory is {what}: layout {LAYOUT}"))))
    })
}

fn core_tables(spi: &Spi, shards: Shards) {
    spi.script(include_str!("../../../sql/layout/001_core.sql"));
    shards.make_all(spi);
    for part in 0..JOURNAL_AHEAD {
        let (from, to) = (part * journal::ROWS, (part + 1) * journal::ROWS);
        spi.script(&format!(
            "CREATE TABLE inventory.journal_{part:04} PARTITION OF inventory.journal
                FOR VALUES FROM ({from}) TO ({to})"
        ));
    }
    spi.script("CREATE TABLE inventory.journal_default PARTITION OF inventory.journal DEFAULT");
    let id = identity(spi);
    spi.once(
        "INSERT INTO inventory.installation (layout, generation, system_id, timeline, database_oid)
         VALUES (1, 1, $1, $2, $3)",
        &[INT8OID, INT8OID, INT8OID],
        &Args::new().int8(id.system_id).int8(id.timeline).int8(id.database_oid),
    );
}

fn identity(spi: &Spi) -> server::Identity {
    server::identity(session::relation(spi, "inventory.installation").unwrap_or(Oid::INVALID))
}

/// All steps are done. What older layouts did not keep of the database's identity is kept from now on.
fn keep_layout(spi: &Spi) {
    let id = identity(spi);
    let args = Args::new().int4(LAYOUT).maybe_int8(id.born).maybe_int8(id.table_oid);
    spi.once(
        "UPDATE inventory.installation AS i
            SET layout = $1, born = coalesce(i.born, $2), table_oid = coalesce(i.table_oid, $3)",
        &[INT4OID, INT8OID, INT8OID],
        &args,
    );
}

/// Holds, orders, alerts; and the guard that holds orders to their transitions, whoever writes them.
fn domain_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/002_domain.sql"));
    let pair =
        |(from, to): &(OrderState, OrderState)| format!("('{}', '{}')", from.as_str(), to.as_str());
    let allowed: Vec<String> = TRANSITIONS.iter().map(pair).collect();
    let refusal = Code::InvalidTransition;
    spi.script(&format!(
        "CREATE FUNCTION inventory.orders_keep_to_their_states() RETURNS trigger LANGUAGE plpgsql
            SET search_path = pg_catalog, pg_temp AS $guard$
         BEGIN
             IF (OLD.state, NEW.state) NOT IN ({}) THEN
                 RAISE EXCEPTION '{}' USING ERRCODE = '{}', HINT = '{}',
                     DETAIL = pg_catalog.format('order %s is %s: %s cannot follow', OLD.order_no, OLD.state, NEW.state);
             END IF;
             RETURN NEW;
         END
         $guard$",
        allowed.join(", "),
        refusal.title(),
        refusal.sqlstate(),
        refusal.hint().replace('\'', "''"),
    ));
    spi.script(
        "REVOKE ALL ON FUNCTION inventory.orders_keep_to_their_states() FROM PUBLIC;
         CREATE TRIGGER orders_keep_to_their_states BEFORE UPDATE OF state ON inventory.orders
            FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state)
            EXECUTE FUNCTION inventory.orders_keep_to_their_states()",
    );
}

fn hot_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/003_hot.sql"));
}

fn gateway_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/004_gateway.sql"));
}

fn relay_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/005_relay.sql"));
}

fn saga_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/006_saga.sql"));
}

fn repair_tables(spi: &Spi, _: Shards) {
    spi.script(include_str!("../../../sql/layout/007_repair.sql"));
}

/// Warehouse 1 exists after every install, and every warehouse has its sequence of order numbers.
fn warehouses(spi: &Spi) -> Result<(), Refusal> {
    let rows = spi.script("SELECT w.warehouse_id FROM inventory.warehouse AS w");
    for warehouse in rows.iter().map(|r| r.int4(1)) {
        if let Some(sequence) = session::make_number_sequence(spi, warehouse) {
            count_on(spi, &sequence, warehouse);
        }
    }
    if !rows.iter().any(|warehouse| warehouse.int4(1) == 1) {
        super::master::put_main_warehouse(spi)?;
    }
    Ok(())
}

/// Sets a sequence that had to be made anew behind the last number in the journal.
fn count_on(spi: &Spi, sequence: &str, warehouse: i32) {
    let given = spi.script(&format!(
        "SELECT pg_catalog.max(j.order_no) FROM inventory.journal AS j
          WHERE pg_catalog.substr(j.order_no, 15, 3) = '{warehouse:03}'"
    ));
    let last = given.first().and_then(|r| OrderNumber::parse(&r.maybe_text(1)?));
    if let Some(last) = last {
        spi.script(&format!("SELECT pg_catalog.setval('{sequence}', {})", last.counter()));
    }
}
