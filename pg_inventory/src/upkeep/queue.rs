//! Standing in line for a table that everybody uses. Whoever comes later stands behind: so it is never
//! for long, and not at all behind somebody who keeps the table.

use crate::pg::spi::{Args, Spi};
use crate::pg::{failure, guc};
use pgrx::pg_sys::INT8OID;

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

/// Whether a transaction is one of those that keep what they have: it has been open for long, or was
/// prepared. (What is not seen of it counts as short.)
pub fn is_long(spi: &Spi, xid: i64) -> bool {
    let sql = format!(
        "SELECT FROM pg_catalog.pg_stat_activity AS a
          WHERE a.backend_xid = $1::pg_catalog.text::pg_catalog.xid
            AND a.xact_start < pg_catalog.clock_timestamp() - '{LONG}'::pg_catalog.interval
         UNION ALL
         SELECT FROM pg_catalog.pg_prepared_xacts AS p
          WHERE p.transaction = $1::pg_catalog.text::pg_catalog.xid"
    );
    spi.once(&sql, &[INT8OID], &Args::new().int8(xid)).len() > 0
}

/// Locks a table for ourselves until the transaction ends, after so many milliseconds in line at most.
pub fn lock_alone(spi: &Spi, table: &str, milliseconds: i32) -> bool {
    let lock = || spi.script(&format!("LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE"));
    match failure::subtransaction(|| guc::with_lock_timeout(milliseconds, lock)) {
        Ok(_) => true,
        Err(failure) if failure.is_of_a_lock() => false,
        Err(failure) => failure.raise(),
    }
}
