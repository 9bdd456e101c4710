//! A database of its own for each duel: all sides' tables, the same goods, the wanted condition.

use std::collections::BTreeSet;

use inventory_benches::{Database, Result, Server};

use crate::plan::{Duel, OPENING_UNITS, SKUS, Variant};
use crate::services::Services;

const NAIVE_SCHEMA: &str = include_str!("../baselines/naive_schema.sql");
const PLPGSQL_SCHEMA: &str = include_str!("../baselines/plpgsql_schema.sql");

pub struct Stage<'a> {
    pub database: Database<'a>,
    pub services: Services,
}

impl<'a> Stage<'a> {
    pub fn set(server: &'a Server, duel: &Duel, variant: Variant) -> Result<Stage<'a>> {
        let name = format!("{}_{}", duel.name, variant.name().replace('-', "_"));
        let database = Database::make(server, &name)?;
        let services = Services::start(&database, &duel.services())?;
        let stage = Stage { database, services };
        stage.database.run_file(NAIVE_SCHEMA)?;
        stage.database.run_file(PLPGSQL_SCHEMA)?;
        if variant != Variant::Fresh {
            stage.keep_autovacuum_away()?;
        }
        stage.stock_up()?;
        stage.open_ledgers()?;
        match variant {
            Variant::Fresh => stage.database.run("ANALYZE")?,
            Variant::NeverAnalyzed => {}
            Variant::Bloated => stage.bloat(duel)?,
        }
        stage.database.run("CHECKPOINT")?;
        Ok(stage)
    }

    /// Stops the services; the engine's own audit must find nothing.
    pub fn strike(self) -> Result<()> {
        drop(self.services);
        self.database.verify()?;
        self.database.strike()
    }

    fn keep_autovacuum_away(&self) -> Result<()> {
        self.database.run(
            "DO $$ DECLARE leaf regclass; BEGIN
                 FOR leaf IN SELECT oid FROM pg_class
                              WHERE relkind = 'r' AND relnamespace::regnamespace::text IN ('inventory', 'plain', 'naive') LOOP
                     EXECUTE format('ALTER TABLE %s SET (autovacuum_enabled = off)', leaf);
                 END LOOP;
             END $$",
        )
    }

    fn stock_up(&self) -> Result<()> {
        self.database.run(&format!(
            "INSERT INTO naive.stock
             SELECT CASE n WHEN 0 THEN 'HOT' ELSE 'SKU-' || lpad(n::text, 6, '0') END, {OPENING_UNITS} FROM generate_series(0, {SKUS}) AS n"
        ))?;
        self.database.run(
            "INSERT INTO plain.stock (sku, warehouse_id, lot, on_hand, reserved, version, received_at, lot_controlled)
             SELECT sku, 1, '', on_hand, 0, 1, clock_timestamp(), false FROM naive.stock",
        )?;
        // Goods after products, in a statement of its own: a command sees what was committed before it began.
        self.database.run("SELECT count(p.code) FROM naive.stock AS s, LATERAL inventory.put_product(s.sku, 'Bench ' || s.sku) AS p")?;
        self.database.run("SELECT count(r.code) FROM naive.stock AS s, LATERAL inventory.receive(s.sku, s.on_hand) AS r")?;
        self.database.run("SELECT code FROM inventory.put_product('SOLD-OUT', 'Bench SOLD-OUT')")
    }

    /// One order of each SKU on the sides that keep plans, so that no ledger is empty when it is analyzed: a session that
    /// first plans on a table known to be empty scans it, and goes on scanning it while it grows.
    fn open_ledgers(&self) -> Result<()> {
        for call in [
            "plain.deduct(sku, 1, p_request_id => gen_random_uuid())",
            "inventory.deduct(sku, 1, request_id => gen_random_uuid())",
        ] {
            self.database
                .run(&format!("SELECT count(d.code) FROM naive.stock AS s, LATERAL {call} AS d"))?;
        }
        Ok(())
    }

    /// A hundred versions of each row, written and superseded within one transaction, so that nothing can prune one
    /// before all of them are dead. The values stay: `verify()` must find the ledger whole.
    fn bloat(&self, duel: &Duel) -> Result<()> {
        let schemas: BTreeSet<&str> = duel.sides().iter().map(|side| side.schema).collect();
        for schema in schemas.into_iter().filter(|schema| !schema.is_empty()) {
            self.database.run(&format!(
                "DO $$ BEGIN FOR i IN 1..100 LOOP UPDATE {schema}.stock SET on_hand = on_hand; END LOOP; END $$"
            ))?;
        }
        self.database.run("ANALYZE")
    }
}
