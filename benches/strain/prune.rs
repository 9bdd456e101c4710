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
/// Filled up as densely as it was. Rows differ in width by a few bytes.
const TABLE_GROWS: Bound = Bound::AtMost(1.01);
/// Keys by chance split a page here and there, whoever made room.
const INDEX_GROWS: Bound = Bound::AtMost(1.05);
/// The longest time that pruning is watched, and autovacuum is waited for.
const LIMIT: Duration = Duration::from_secs(1_800);
const TABLE: &str = "'inventory.request'::regclass";
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
    let full = Sizes::note(&database, "full", &mut outcome)?;
    outcome.note("of them past their time", pruned as f64, "rows");

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

    bloat(site, &database, full.rows as f64 / full.table_mib, &mut outcome)?;
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
fn bloat(site: &Site, database: &Database, density: f64, outcome: &mut Outcome) -> Result<()> {
    outcome.note("dead rows, pruned", database.number(DEAD)? as f64, "rows");
    site.bar.phase(format!("{NAME}: waiting for autovacuum"), 0);
    let from = now_us();
    // What autovacuum lets lie by the table's own setting.
    let few = database.number(&format!(
        "SELECT (50 + 0.02 * reltuples)::bigint FROM pg_class WHERE oid = {TABLE}"
    ))?;
    let busy = format!("SELECT count(*) FROM pg_stat_progress_vacuum WHERE relid = {TABLE}");
    site.expect("autovacuum", LIMIT, || {
        Ok(database.number(DEAD)? <= few && database.number(&busy)? == 0)
    })?;
    outcome.note("autovacuum was through after", (now_us() - from) as f64 / 1e6, "s");
    let dead = database.number(DEAD)?;
    outcome.note("dead rows, vacuumed", dead as f64, "rows");

    let vacuumed = Sizes::note(database, "vacuumed", outcome)?;
    let room = (density * vacuumed.table_mib) as u64;
    fill::requests(site, database, room.saturating_sub(vacuumed.rows + dead), "now()")?;
    let again = Sizes::note(database, "filled up again", outcome)?;
    for (what, ratio, bound) in [
        ("table", again.table_mib / vacuumed.table_mib, TABLE_GROWS),
        ("index", again.index_mib / vacuumed.index_mib, INDEX_GROWS),
    ] {
        let what = format!("size of the {what}, filled up again over vacuumed");
        outcome.checks.push(Check::new(what, ratio, bound));
    }
    Ok(())
}

struct Sizes {
    rows: u64,
    table_mib: f64,
    index_mib: f64,
}

impl Sizes {
    fn note(database: &Database, when: &str, outcome: &mut Outcome) -> Result<Sizes> {
        let mib = |relation: &str| -> Result<f64> {
            let bytes = database.number(&format!("SELECT pg_relation_size('{relation}')"))?;
            Ok(bytes as f64 / 1_048_576.0)
        };
        let sizes = Sizes {
            rows: database.number("SELECT count(*) FROM inventory.request")?,
            table_mib: mib("inventory.request")?,
            index_mib: mib("inventory.request_pkey")?,
        };
        outcome.note(format!("requests, {when}"), sizes.rows as f64, "rows");
        outcome.note(format!("table, {when}"), sizes.table_mib, "MiB");
        outcome.note(format!("index, {when}"), sizes.index_mib, "MiB");
        Ok(sizes)
    }
}
