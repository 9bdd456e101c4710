//! Goods and holds that came by the engine's own commands.

use inventory_benches::{CALLER, Database, Result};

use crate::site::Site;

/// SKUs named `SKU-000001` and on, beside the one called `HOT`; the scripts draw from as many.
pub const SKUS: u64 = 10_000;
/// More than any run can sell.
pub const PLENTY: u64 = 1_000_000_000;
/// Holds made in one go.
const CHUNK: u64 = 5_000;

/// Where holds lie.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// All on `HOT`.
    OneSku,
    /// The same number on each of the others.
    AllSkus,
}

impl Spread {
    pub fn name(self) -> &'static str {
        match self {
            Spread::OneSku => "one SKU",
            Spread::AllSkus => "10,000 SKUs",
        }
    }

    /// An SQL expression: the SKU of the i-th hold.
    fn sku(self) -> String {
        match self {
            Spread::OneSku => "'HOT'".to_owned(),
            Spread::AllSkus => format!("'SKU-' || lpad((i % {SKUS} + 1)::text, 6, '0')"),
        }
    }
}

/// `hot` units of `HOT` and plenty of all others; one order of each, so that no ledger is empty when it is
/// analyzed.
pub fn stock_up(site: &Site, database: &Database, hot: u64) -> Result<()> {
    site.bar.phase(format!("{}: stocking up", database.name), 3);
    let sku = "CASE n WHEN 0 THEN 'HOT' ELSE 'SKU-' || lpad(n::text, 6, '0') END";
    for call in [
        format!("inventory.put_product({sku}, 'Bench goods')"),
        format!("inventory.receive({sku}, CASE n WHEN 0 THEN {hot} + 1 ELSE {PLENTY} END)"),
        format!("inventory.deduct({sku}, 1, request_id => gen_random_uuid())"),
    ] {
        database.run(&format!(
            "SELECT count(c.code) FROM generate_series(0, {SKUS}) AS n, LATERAL {call} AS c"
        ))?;
        site.bar.inc(1);
    }
    settle(database)
}

/// Holds of a unit each, every one a transaction of its own, as customers make them.
pub fn hold(site: &Site, database: &Database, holds: u64, spread: Spread) -> Result<()> {
    site.bar.phase(format!("{}: holding", database.name), holds);
    let sku = spread.sku();
    for from in (0..holds).step_by(CHUNK as usize) {
        let until = (from + CHUNK).min(holds);
        let make = format!(
            "DO $$ BEGIN
                 PERFORM set_config('synchronous_commit', 'off', false);
                 FOR i IN {from} .. {until} - 1 LOOP
                     PERFORM inventory.reserve({sku}, 1, ttl => '1 day', request_id => gen_random_uuid());
                     COMMIT;
                 END LOOP;
             END $$"
        );
        database.run_as(CALLER, &make)?;
        site.bar.at(until);
    }
    settle(database)
}

/// As if two days had gone by: every hold is past its time, and nobody has touched their stock since.
pub fn lapse(database: &Database) -> Result<()> {
    for (table, column) in [
        ("stock", "next_expiry"),
        ("reservation", "expires_at"),
        ("reservation_line", "expires_at"),
    ] {
        database.run(&format!(
            "UPDATE inventory.{table} SET {column} = {column} - interval '2 days' WHERE {column} IS NOT NULL"
        ))?;
    }
    settle(database)
}

/// As autovacuum leaves tables once it was there.
pub fn settle(database: &Database) -> Result<()> {
    database.run("VACUUM (ANALYZE)")?;
    database.run("CHECKPOINT")
}
