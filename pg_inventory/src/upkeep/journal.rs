//! Partitions of the journal: opened ahead of their rows, dropped once all of them are old.

use super::queue::{self, Kept};
use super::{Done, Progress, ago, owner};
use crate::engine;
use crate::pg::lock::{self, Mode};
use crate::pg::spi::{Args, Spi};
use crate::pg::{process, server};
use crate::{plans, settings};
use inventory_core::Refusal;
use inventory_core::time::Moment;
use pgrx::pg_sys::{INT8OID, Oid, TIMESTAMPTZOID};
use std::time::Duration;

/// Rows of one partition: small enough to drop one at a time, large enough that a busy year is a few
/// dozen.
pub const ROWS: i64 = 10_000_000;
/// Partitions opened or dropped in one pass.
const PASS: i64 = 1;
/// Microseconds from one look at the old partitions to the next: each looks at their newest rows.
const EVERY: i64 = 600 * 1_000_000;
/// How often, and for how many milliseconds each time, a drop queues for the journal; in between those
/// behind it get through.
const TRIES: usize = 20;
const QUEUE: i32 = 100;
/// Ids of the default partition whose rows go in one pass.
const STRAYS: i64 = 100_000;
/// Ids from one note of the last to the next, and the most notes, should a transaction stay open for so long.
const NOTE_EVERY: i64 = 10_000;
const NOTES_MAX: i64 = 1_000;

const JOURNAL: &str = "inventory.journal";
const DEFAULT: &str = "inventory.journal_default";

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
          CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, 0),
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

/// Opens the next partition where fewer than wanted wait for rows.
pub fn open_ahead(spi: &Spi) -> Result<Done, Refusal> {
    let ahead = i64::from(settings::JOURNAL_AHEAD.get());
    let last = last_id(spi)?;
    let parts = parts(spi);
    let end = parts.iter().map(|part| part.to).max().unwrap_or(0);
    let waiting = parts.iter().filter(|part| part.from > last).count();
    if waiting as i64 >= ahead || !for_a_partition(spi) {
        return Ok(Done::default());
    }
    let from = first_free(spi, end.max(last / ROWS * ROWS));
    let (name, to) = (format!("inventory.journal_{:04}", from / ROWS), from.saturating_add(ROWS));
    if relation(spi, &name).is_some() {
        return Ok(Done::default()); // somebody's own: verify and doctor tell of what it leads to
    }
    let owner = owner(spi, JOURNAL);
    spi.script(&format!(
        "CREATE TABLE {name} (LIKE {JOURNAL} INCLUDING ALL);
         ALTER TABLE {name} OWNER TO {owner};
         ALTER TABLE {JOURNAL} ATTACH PARTITION {name} FOR VALUES FROM ({from}) TO ({to})"
    ));
    Ok(Done { count: PASS as usize, more: (waiting as i64) + PASS < ahead })
}

/// Notes the last id and the next transaction, so that a new reader of the journal knows from where on to
/// look for those that are open: behind the last note before they began. Older notes than that of the
/// oldest one are of no use.
pub fn note(spi: &Spi) -> Result<Done, Refusal> {
    let session = engine::layout(spi)?;
    let last = server::last_value(session.journal_ids).unwrap_or(0);
    let next = server::next_transaction_id();
    let args = || Args::new().int8(last).int4(session.generation);
    let found = spi.execute(plans::LAST_MARK.plan(spi), &args());
    let (noted, notes) = found.first().map_or((0, 0), |row| (row.int8(1), row.int8(2)));
    if last - noted < NOTE_EVERY || notes >= NOTES_MAX {
        return Ok(Done::default());
    }
    let args = args().xid8(next);
    spi.execute(plans::MARK_JOURNAL.plan(spi), &args);
    let args = Args::new().int4(session.generation);
    spi.execute(plans::FORGET_MARKS.plan(spi), &args);
    Ok(Done { count: 1, more: false })
}

/// Has what a new partition needs: nobody else reshapes the journal, and nobody is at the rows that
/// found none, which has to be queued for where every command writes them.
fn for_a_partition(spi: &Spi) -> bool {
    let rest_is_ours = |_| {
        queue::kept_by(spi, &Kept::Table(DEFAULT)).is_none()
            && queue::lock_alone(spi, DEFAULT, QUEUE)
    };
    relation(spi, JOURNAL).is_some_and(|table| lock::try_table(table, Mode::Reshape))
        && relation(spi, DEFAULT).is_none_or(rest_is_ours)
}

/// The beginning of the first range from `end` on that has no rows in the default partition. Rows that
/// came there stay there: their range is closed to a partition of its own.
fn first_free(spi: &Spi, end: i64) -> i64 {
    let stray = stray(spi, "max");
    stray.filter(|id| *id >= end).map_or(end, |id| (id / ROWS + 1).saturating_mul(ROWS))
}

/// The least or the greatest id in the default partition.
fn stray(spi: &Spi, end: &str) -> Option<i64> {
    relation(spi, DEFAULT)?;
    let found = spi.script(&format!("SELECT pg_catalog.{end}(j.id) FROM {DEFAULT} AS j"));
    found.first()?.maybe_int8(1)
}

/// Lets the oldest part of the journal go if its newest row is older than the journal is kept. Its sums go
/// to `journal_base`, so that `verify()` stays exact.
pub fn drop_past(spi: &Spi) -> Result<Done, Refusal> {
    let Some(age) = settings::journal_retention() else { return Ok(Done::default()) };
    let Some(mut progress) = Progress::of(spi, "drop journal partitions").filter(|p| p.due(EVERY))
    else {
        return Ok(Done::default());
    };
    let gone = drop_oldest(spi, last_id(spi)?, ago(age));
    // After a drop the next one is looked at, at once.
    progress.at = if gone > 0 { progress.at } else { server::now() };
    progress.keep(spi);
    Ok(Done { count: gone, more: gone > 0 })
}

/// Drops the oldest partition, or deletes the oldest rows of the default one, whichever are older: what is
/// in `journal_base` has to come before all that is left.
fn drop_oldest(spi: &Spi, last: i64, until: Moment) -> usize {
    let parts = parts(spi);
    let first = parts.first();
    let stray = stray(spi, "min").filter(|id| first.is_none_or(|part| *id < part.to));
    match (stray, first.filter(|part| part.to <= last)) {
        (Some(id), _) => {
            let end = first.map_or(i64::MAX, |part| part.to).min(last.saturating_add(1));
            let end = end.min(id.saturating_add(STRAYS));
            if is_wanted(spi, end) { 0 } else { forget_strays(spi, end, until) }
        }
        (None, Some(part)) if is_wanted(spi, part.to) => 0,
        (None, Some(part)) => (all_older(spi, part, until) && drop_part(spi, part)).into(),
        (None, None) => 0,
    }
}

/// Whether a sink has still to be told of something before that id.
fn is_wanted(spi: &Spi, end: i64) -> bool {
    spi.execute(plans::WANTED_BEFORE.plan(spi), &Args::new().int8(end)).len() > 0
}

/// Deletes what the default partition has of ids before `end`, if all of it is older.
fn forget_strays(spi: &Spi, end: i64, until: Moment) -> usize {
    let args = || Args::new().int8(end).moment(until);
    let types = &[INT8OID, TIMESTAMPTZOID];
    let younger = format!("SELECT 1 FROM {DEFAULT} AS j WHERE j.id < $1 AND j.at >= $2 LIMIT 1");
    if spi.once(&younger, types, &args()).len() > 0 {
        return 0;
    }
    let rows = format!("{DEFAULT} AS j WHERE j.id < $1 AND j.at < $2");
    add_up(spi, &rows, types, &args());
    spi.once(&format!("DELETE FROM {rows}"), types, &args()).processed()
}

/// Adds what these rows of the journal say to `journal_base`.
fn add_up(spi: &Spi, rows: &str, types: &[Oid], args: &Args) {
    let sums = format!(
        "INSERT INTO inventory.journal_base AS b (sku, warehouse_id, lot, on_hand, reserved, version)
         SELECT j.sku, j.warehouse_id, j.lot, pg_catalog.sum(j.on_hand_delta), pg_catalog.sum(j.reserved_delta),
                pg_catalog.count(*)
           FROM {rows} AND j.version IS NOT NULL
          GROUP BY j.sku, j.warehouse_id, j.lot
         ON CONFLICT (sku, warehouse_id, lot) DO UPDATE
            SET on_hand = b.on_hand + excluded.on_hand, reserved = b.reserved + excluded.reserved,
                version = b.version + excluded.version"
    );
    spi.once(&sums, types, args);
    let cut = format!(
        "UPDATE inventory.installation AS i
            SET journal_cut = greatest(i.journal_cut, (SELECT pg_catalog.max(j.at) FROM {rows})),
                journal_cut_id = greatest(i.journal_cut_id, (SELECT pg_catalog.max(j.id) FROM {rows}))"
    );
    spi.once(&cut, types, args);
}

/// Whether every row is older. The last pages tell at once of most that are not.
fn all_older(spi: &Spi, part: &Part, until: Moment) -> bool {
    let name = &part.name;
    let younger = |pages: &str| {
        let sql = format!("SELECT 1 FROM inventory.{name} AS j WHERE j.at >= $1 {pages} LIMIT 1");
        spi.once(&sql, &[TIMESTAMPTZOID], &Args::new().moment(until)).len() > 0
    };
    let last = format!(
        "AND j.ctid >= (SELECT pg_catalog.format('(%s,0)', greatest(0, pg_catalog.pg_relation_size({}::pg_catalog.oid)
             / pg_catalog.current_setting('block_size')::pg_catalog.int8 - 8))::pg_catalog.tid)",
        part.table.to_u32()
    );
    !younger(&last) && !younger("")
}

/// Adds up what the partition says and drops it; or leaves all as it was where somebody is at it or the
/// journal is never free. (Nobody writes to it any more; who still has a row in it open does not let us
/// have it. It can be read until it goes.)
fn drop_part(spi: &Spi, part: &Part) -> bool {
    if queue::kept_by(spi, &Kept::Table(JOURNAL)).is_some()
        || !lock::try_table(part.table, Mode::Still)
    {
        return false;
    }
    let name = format!("inventory.{}", part.name);
    spi.whole_or_not(|| {
        add_up(spi, &format!("{name} AS j WHERE true"), &[], &Args::new());
        let free = lock_journal(spi) && lock::try_table(part.table, Mode::Alone);
        if free {
            spi.script(&format!("DROP TABLE {name}"));
        }
        free
    })
}

/// Locks the whole journal, for a moment that every command waits for.
fn lock_journal(spi: &Spi) -> bool {
    for _ in 0..TRIES {
        if queue::lock_alone(spi, JOURNAL, QUEUE) {
            return true;
        }
        process::rest(Duration::from_millis(4 * u64::from(QUEUE.unsigned_abs())));
        if queue::kept_by(spi, &Kept::Table(JOURNAL)).is_some() {
            break;
        }
    }
    false
}
