//! Partitions of the journal: opened ahead of their rows, dropped once all of them are old.

use super::{Done, Progress, ago};
use crate::engine;
use crate::pg::lock::{self, Mode};
use crate::pg::server;
use crate::pg::spi::{Args, Spi};
use crate::settings;
use inventory_core::Refusal;
use pgrx::pg_sys::{Oid, TIMESTAMPTZOID};

/// Rows of one partition: small enough to drop one at a time, large enough that a busy year is a few
/// dozen.
pub const ROWS: i64 = 10_000_000;
/// Partitions opened or dropped in one pass.
const PASS: i64 = 1;
/// Microseconds from one look at the old partitions to the next: each looks at their newest rows.
const EVERY: i64 = 600 * 1_000_000;
/// How often, and for how many milliseconds each time, a drop queues for the journal. Commands queue
/// behind it meanwhile, so it is short; in between they get through.
const TRIES: usize = 20;
const QUEUE: i32 = 100;

/// A partition with bounds.
struct Part {
    table: Oid,
    name: String,
    from: i64,
    to: i64,
}

/// The partitions with bounds, the oldest first.
fn parts(spi: &Spi) -> Vec<Part> {
    let rows = spi.script(
        "SELECT c.oid, pg_catalog.quote_ident(c.relname), b.part[1]::pg_catalog.int8, b.part[2]::pg_catalog.int8
           FROM pg_catalog.pg_inherits AS i
           JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
          CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
                'FROM \\(''?([0-9]+)''?\\) TO \\(''?([0-9]+)''?\\)') AS b (part)
          WHERE i.inhparent = 'inventory.journal'::pg_catalog.regclass AND b.part IS NOT NULL
            AND NOT i.inhdetachpending
          ORDER BY 3",
    );
    let part = |r: crate::pg::spi::Row<'_>| {
        Some(Part { table: r.oid(1)?, name: r.text(2), from: r.int8(3), to: r.int8(4) })
    };
    rows.iter().filter_map(part).collect()
}

fn relation(spi: &Spi, name: &str) -> Option<Oid> {
    spi.script(&format!("SELECT pg_catalog.to_regclass('{name}')::pg_catalog.oid")).first()?.oid(1)
}

/// The last journal id that was given.
fn last_id(spi: &Spi) -> Result<i64, Refusal> {
    Ok(server::last_value(engine::layout(spi)?.journal_ids).unwrap_or(0))
}

/// Opens the next partition where fewer than wanted wait for rows. Whoever reads or reshapes the
/// journal at the moment is not waited for.
pub fn open_ahead(spi: &Spi) -> Result<Done, Refusal> {
    let ahead = i64::from(settings::JOURNAL_AHEAD.get());
    let last = last_id(spi)?;
    let parts = parts(spi);
    let end = parts.iter().map(|part| part.to).max().unwrap_or(0);
    let waiting = parts.iter().filter(|part| part.from > last).count();
    if waiting as i64 >= ahead {
        return Ok(Done::default());
    }
    let (journal, rest) = ("inventory.journal", "inventory.journal_default");
    for (name, mode) in [(journal, Mode::Reshape), (rest, Mode::Alone)] {
        if !relation(spi, name).is_none_or(|table| lock::try_table(table, mode)) {
            return Ok(Done::default());
        }
    }
    let from = first_free(spi, end.max(last / ROWS * ROWS));
    let (name, to) = (format!("inventory.journal_{:04}", from / ROWS), from.saturating_add(ROWS));
    if relation(spi, &name).is_some() {
        return Ok(Done::default()); // somebody's own: verify and doctor tell of what it leads to
    }
    spi.script(&format!("CREATE TABLE {name} (LIKE {journal} INCLUDING ALL)"));
    spi.script(&format!(
        "ALTER TABLE {journal} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
    ));
    Ok(Done { count: PASS as usize, more: (waiting as i64) + PASS < ahead })
}

/// The beginning of the first range from `end` on that has no rows in the default partition. Rows that
/// came there stay there: their range is closed to a partition of its own.
fn first_free(spi: &Spi, end: i64) -> i64 {
    let stray = spi.script("SELECT pg_catalog.max(j.id) FROM inventory.journal_default AS j");
    let stray = stray.first().and_then(|row| row.maybe_int8(1));
    stray.filter(|id| *id >= end).map_or(end, |id| (id / ROWS + 1).saturating_mul(ROWS))
}

/// Drops the oldest partition if its newest row is older than the journal is kept. Its sums go to
/// `journal_base`, so that `verify()` stays exact.
pub fn drop_past(spi: &Spi) -> Result<Done, Refusal> {
    let Some(age) = settings::journal_retention() else { return Ok(Done::default()) };
    let Some(mut progress) = Progress::of(spi, "drop journal partitions").filter(|p| p.due(EVERY))
    else {
        return Ok(Done::default());
    };
    let until = ago(age);
    let (last, parts) = (last_id(spi)?, parts(spi));
    let oldest = parts.first().filter(|part| part.to <= last);
    let dropped = oldest.is_some_and(|part| all_older(spi, part, until) && drop_part(spi, part));
    // After a drop the next one is looked at, at once.
    progress.at = if dropped { progress.at } else { server::now() };
    progress.keep(spi);
    Ok(Done { count: dropped.into(), more: dropped })
}

/// Whether every row is older. The last pages tell at once of most that are not.
fn all_older(spi: &Spi, part: &Part, until: inventory_core::time::Moment) -> bool {
    let name = &part.name;
    let younger = |pages: &str| {
        let sql = format!("SELECT 1 FROM inventory.{name} AS j WHERE j.at >= $1 {pages} LIMIT 1");
        spi.once(&sql, &[TIMESTAMPTZOID], &Args::new().moment(until)).len() > 0
    };
    let last = format!(
        "AND j.ctid >= (SELECT pg_catalog.format('(%s,0)', greatest(0, pg_catalog.pg_relation_size(
             'inventory.{name}') / pg_catalog.current_setting('block_size')::pg_catalog.int8 - 8))::pg_catalog.tid)"
    );
    !younger(&last) && !younger("")
}

/// Adds up what the partition says and drops it, or leaves it for another time where somebody is at it
/// or the journal is never free. What was added up goes with the block that fails.
fn drop_part(spi: &Spi, part: &Part) -> bool {
    // Nobody writes to it any more; who still has a row in it open does not let us have it.
    if !lock::try_table(part.table, Mode::Alone) {
        return false;
    }
    let name = format!("inventory.{}", part.name);
    spi.script(&format!(
        "DO $drop$ BEGIN
            INSERT INTO inventory.journal_base AS b (sku, warehouse_id, lot, on_hand, reserved, version)
            SELECT j.sku, j.warehouse_id, j.lot, pg_catalog.sum(j.on_hand_delta),
                   pg_catalog.sum(j.reserved_delta), pg_catalog.count(*)
              FROM {name} AS j WHERE j.version IS NOT NULL
             GROUP BY j.sku, j.warehouse_id, j.lot
            ON CONFLICT (sku, warehouse_id, lot) DO UPDATE
               SET on_hand = b.on_hand + excluded.on_hand, reserved = b.reserved + excluded.reserved,
                   version = b.version + excluded.version;
            UPDATE inventory.installation AS i
               SET journal_cut = greatest(i.journal_cut, (SELECT pg_catalog.max(j.at) FROM {name} AS j));
            FOR try IN 1 .. {TRIES} LOOP
                BEGIN
                    PERFORM pg_catalog.set_config('lock_timeout', '{QUEUE}', true);
                    LOCK TABLE ONLY inventory.journal IN ACCESS EXCLUSIVE MODE;
                    DROP TABLE {name};
                    RETURN;
                EXCEPTION WHEN lock_not_available THEN
                    PERFORM pg_catalog.pg_sleep(4 * {QUEUE} / 1000.0);
                END;
            END LOOP;
            RAISE lock_not_available;
         EXCEPTION WHEN lock_not_available THEN NULL;
         END $drop$"
    ));
    relation(spi, &name).is_none()
}
