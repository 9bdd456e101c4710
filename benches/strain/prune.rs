//! `prune`: a day's worth of ten million requests is forgotten beside those who sell, and new ones take its place.

use std::ops::Range;
use std::time::Duration;

use inventory_benches::figures::now_us;
use inventory_benches::{Bound, Check, Database, Load, Result};

use crate::fill;
use crate::goods::{self, PLENTY};
use crate::outcome::{Outcome, Seen};
use crate::site::{Site, close};

pub const NAME: &str = "prune";

const CLIENTS: u32 = 16;
/// Requests are kept a week; the table has eight days of them.
const DAYS: u64 = 8;
const KEPT: Bound = Bound::AtLeast(0.8);
const TABLE: Bound = Bound::AtMost(1.0);
/// Keys by chance split a page here and there, whoever made room.
const INDEX: Bound = Bound::AtMost(1.05);
/// The longest time that pruning is watched, and autovacuum is waited for.
const LIMIT: Duration = Duration::from_secs(1_800);
const DEAD: &str =
    "SELECT n_dead_tup FROM pg_stat_user_tables WHERE relid = 'inventory.request'::regclass";

pub fn measure(site: &Site) -> Result<Outcome> {
    let mut outcome = Outcome::new(NAME);
    site.upkeep(false)?;
    let database = site.database(NAME)?;
    goods::stock_up(site, &database, PLENTY)?;
    let rows = site.rows(10_000_000);
    fill::requests(
        site,
        &database,
        rows,
        &format!("now() - {DAYS} * interval '1 day' * (1 - i / {rows}.0)"),
    )?;
    goods::settle(&database)?;
    let old = "SELECT count(*) FROM inventory.request WHERE at < now() - interval '7 days'";
    let pruned = database.number(old)?;
    outcome.note("requests", rows as f64, "rows");
    outcome.note("of them past their time", pruned as f64, "rows");
    sizes(&database, "full", &mut outcome)?;

    let load = Load::new("deduct", include_str!("../ours/deduct_uniform.sql"), CLIENTS);
    site.bar.phase(format!("{NAME}: {}", load.name), site.span().as_secs());
    let running = site.start(&database, &load)?;
    let before = site.watch(site.span());
    let during = prune(site, &database)?;
    let calls = running.stop()?;
    let before = outcome.side("deduct, before", CLIENTS, &Seen::of(&calls.all, &before))?;
    let seen = Seen::of(&calls.all, &during);
    let during = outcome.side("deduct, the worker prunes", CLIENTS, &seen)?;
    outcome.note("time of the pruning", during.seconds, "s");
    let kept = during.calls_per_second / before.calls_per_second;
    outcome.checks.push(Check::new("rate kept while the worker prunes", kept, KEPT));

    bloat(site, &database, pruned, &mut outcome)?;
    close(site, [database])?;
    Ok(outcome)
}

/// The time in which the worker took all old rows out.
fn prune(site: &Site, database: &Database) -> Result<Range<u64>> {
    // Rows lie in the order of their time: the old ones are in the first blocks.
    let blocks =
        "SELECT pg_relation_size('inventory.request') / current_setting('block_size')::int";
    let end = database.number(blocks)? / DAYS + 1;
    site.bar.phase(format!("{NAME}: blocks pruned"), end);
    let from = now_us();
    site.upkeep(true)?;
    let mut seen = 0;
    site.expect("pruning", LIMIT, || {
        let position = database
            .number("SELECT position FROM inventory.upkeep WHERE job = 'prune requests'")?;
        site.bar.at(position);
        // Back at the beginning: it was through before we looked again.
        let through = position >= end || position < seen;
        seen = position;
        Ok(through)
    })?;
    Ok(from..now_us())
}

/// Whether autovacuum cleans up, and new rows find room where the old ones were.
fn bloat(site: &Site, database: &Database, pruned: u64, outcome: &mut Outcome) -> Result<()> {
    let full = sizes(database, "pruned", outcome)?;
    outcome.note("dead rows, pruned", database.number(DEAD)? as f64, "rows");
    site.bar.phase(format!("{NAME}: waiting for autovacuum"), 0);
    let from = now_us();
    // What autovacuum lets lie by the table's own setting.
    let few = database.number("SELECT (50 + 0.02 * reltuples)::bigint FROM pg_class WHERE oid = 'inventory.request'::regclass")?;
    let busy =
        "SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = 'inventory.request'::regclass";
    site.expect("autovacuum", LIMIT, || {
        Ok(database.number(DEAD)? <= few && database.number(busy)? == 0)
    })?;
    outcome.note("autovacuum was through after", (now_us() - from) as f64 / 1e6, "s");
    let left = database.number(DEAD)?;
    outcome.note("dead rows, vacuumed", left as f64, "rows");
    fill::requests(site, database, pruned.saturating_sub(left), "now()")?;
    let again = sizes(database, "filled up again", outcome)?;
    for (what, size, bound) in
        [("table", again.0 / full.0, TABLE), ("index", again.1 / full.1, INDEX)]
    {
        let what = format!("size of the {what}, filled up again over pruned");
        outcome.checks.push(Check::new(what, size, bound));
    }
    Ok(())
}

/// Of table and index, in MiB.
fn sizes(database: &Database, when: &str, outcome: &mut Outcome) -> Result<(f64, f64)> {
    let bytes = |relation: &str| database.number(&format!("SELECT pg_relation_size('{relation}')"));
    let mib = |bytes: u64| bytes as f64 / 1_048_576.0;
    let table = mib(bytes("inventory.request")?);
    let index = mib(bytes("inventory.request_pkey")?);
    outcome.note(format!("table, {when}"), table, "MiB");
    outcome.note(format!("index, {when}"), index, "MiB");
    Ok((table, index))
}
