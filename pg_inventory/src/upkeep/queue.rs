//! Standing in line for a table that everybody uses. Whoever comes later stands behind: so it is never
//! for long, and not at all behind somebody who keeps the table.

use crate::pg::lock::{self, Mode};
use crate::pg::spi::Spi;
use pgrx::pg_sys::Oid;

/// Whoever has had a table for longer keeps it: commands take a few milliseconds.
const LONG: &str = "2 seconds";

/// What is kept.
pub enum Kept<'t> {
    Table(&'t str),
    /// With all its partitions.
    Whole(&'t str),
}

/// Who keeps a table: sessions in long transactions, and transactions that were prepared; the three
/// longest. (An autovacuum gives way to whoever waits for it, but for one that prevents wraparound.)
pub fn kept_by(spi: &Spi, kept: &Kept) -> Option<String> {
    let (Kept::Table(table) | Kept::Whole(table)) = kept;
    let partitions = matches!(kept, Kept::Whole(_));
    let rows = spi.script(&format!(
        "SELECT pg_catalog.string_agg(h.who, ', ' ORDER BY h.since)
           FROM (SELECT DISTINCT coalesce(p.prepared, a.xact_start) AS since,
                        CASE WHEN l.pid IS NULL
                             THEN pg_catalog.format('prepared transaction %L of %s (since %s)', p.gid, p.owner, p.prepared)
                             ELSE pg_catalog.format('session %s of %s (%s, in a transaction since %s)', a.pid,
                                  coalesce(a.usename, a.backend_type), coalesce(a.state, 'state unknown'), a.xact_start)
                         END AS who
                   FROM pg_catalog.pg_locks AS l
                   LEFT JOIN pg_catalog.pg_stat_activity AS a ON a.pid = l.pid
                   LEFT JOIN pg_catalog.pg_locks AS x
                          ON x.pid IS NULL AND x.locktype = 'transactionid' AND x.virtualtransaction = l.virtualtransaction
                   LEFT JOIN pg_catalog.pg_prepared_xacts AS p ON l.pid IS NULL AND p.transaction = x.transactionid
                  WHERE l.granted AND l.locktype = 'relation' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
                    AND l.database = (SELECT d.oid FROM pg_catalog.pg_database AS d
                                       WHERE d.datname = pg_catalog.current_database())
                    AND l.relation IN (SELECT '{table}'::pg_catalog.regclass UNION ALL
                                       SELECT i.inhrelid FROM pg_catalog.pg_inherits AS i
                                        WHERE {partitions} AND i.inhparent = '{table}'::pg_catalog.regclass)
                    AND (l.pid IS NULL
                         OR a.xact_start < pg_catalog.clock_timestamp() - '{LONG}'::pg_catalog.interval)
                    AND (a.backend_type IS DISTINCT FROM 'autovacuum worker' OR a.query LIKE '%wraparound%')
                  ORDER BY 1 LIMIT 3) AS h"
    ));
    rows.first()?.maybe_text(1)
}

/// Locks a table for ourselves until the transaction ends, after so many milliseconds in line at most.
pub fn lock_alone(spi: &Spi, table: &str, oid: Oid, milliseconds: u32) -> bool {
    spi.script(&format!(
        "DO $queue$
         DECLARE
             before pg_catalog.text := pg_catalog.current_setting('lock_timeout');
         BEGIN
             PERFORM pg_catalog.set_config('lock_timeout', '{milliseconds}', true);
             LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE;
             PERFORM pg_catalog.set_config('lock_timeout', before, true);
         EXCEPTION WHEN lock_not_available THEN NULL;
         END
         $queue$"
    ));
    // At once where the block has got it.
    lock::try_table(oid, Mode::Alone)
}
