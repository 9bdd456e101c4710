//! Every statement of the engine. Each is prepared once a session, those on stock once a leaf; each
//! looks its rows up by key.

use crate::pg::spi::{Plan, Spi};
use pgrx::pg_sys::{
    BOOLOID, BYTEAOID, DATEOID, INT4ARRAYOID, INT4OID, INT8ARRAYOID, INT8OID, Oid, TEXTARRAYOID,
    TEXTOID, TIDOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, UUIDARRAYOID, UUIDOID, XID8ARRAYOID,
    XID8OID,
};
use std::cell::RefCell;

/// A statement. `{leaf}` in its text stands for the leaf of stock.
pub struct Statement {
    at: usize,
    sql: &'static str,
    types: &'static [Oid],
}

macro_rules! statements {
    ($($(#[$doc:meta])* $name:ident($($type:expr),* $(,)?) = $sql:expr;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)] // places in the list below
        enum Place { $($name),* }
        $($(#[$doc])* pub static $name: Statement =
            Statement { at: Place::$name as usize, sql: $sql, types: &[$($type),*] };)*
    };
}

/// What the engine reads of a stock row.
macro_rules! row {
    () => {
        "s.lot, s.on_hand, s.reserved, s.version, s.expires_on, s.received_at, s.lapsed, s.next_expiry, s.ctid"
    };
}

statements! {
    /// Locks the row that guards a place. FOR UPDATE, not a weaker lock: it is about to change.
    LOCK_STOCK(TEXTOID, INT4OID) =
        concat!("SELECT ", row!(), ", s.low_at, s.lot_controlled, s.retired
           FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot = '' FOR UPDATE");
    /// The same, unless somebody has it.
    TRY_LOCK_STOCK(TEXTOID, INT4OID) =
        concat!("SELECT ", row!(), ", s.low_at, s.lot_controlled, s.retired
           FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot = '' FOR UPDATE SKIP LOCKED");
    /// The same of a row whose place is known, if it is still there: one that is written a thousand times
    /// under an old snapshot leaves as many versions, which an index would have to go through.
    TRY_LOCK_STOCK_AT(TEXTOID, INT4OID, TIDOID) =
        concat!("SELECT ", row!(), ", s.low_at, s.lot_controlled, s.retired
           FROM inventory.{leaf} AS s
          WHERE s.ctid = $3 AND s.sku = $1 AND s.warehouse_id = $2 AND s.lot = '' FOR UPDATE SKIP LOCKED");
    /// The lots of a place that hold something or are named. The guard's lock keeps them: locking each
    /// would write as many rows as a shelf has lots.
    SHELF_LOTS(TEXTOID, INT4OID, TEXTARRAYOID) =
        concat!("SELECT ", row!(), "
           FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot > ''
            AND (s.on_hand > 0 OR s.reserved > 0 OR s.lot = ANY ($3))
          ORDER BY s.lot");
    /// Who wrote and who locked the row that guards a place.
    OWN_STOCK(TEXTOID, INT4OID) =
        "SELECT s.xmin::pg_catalog.text::pg_catalog.int8, s.xmax::pg_catalog.text::pg_catalog.int8
           FROM inventory.{leaf} AS s WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot = ''";
    /// Whether a place ever had a lot.
    FIND_LOT(TEXTOID, INT4OID) =
        "SELECT s.version FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot > '' LIMIT 1";
    INSERT_STOCK(TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID, DATEOID, TIMESTAMPTZOID, BOOLOID, INT8OID) =
        "INSERT INTO inventory.{leaf} (sku, warehouse_id, lot, on_hand, reserved, version, expires_on,
                                       received_at, lot_controlled, low_at, low)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, coalesce($4 <= $10, false))
         ON CONFLICT (sku, warehouse_id, lot) DO NOTHING";
    /// A new lot has its shelf's kind; its guard keeps the threshold.
    INSERT_LOT(TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, DATEOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.{leaf} (sku, warehouse_id, lot, on_hand, reserved, version, lapsed, next_expiry,
                                       expires_on, received_at, lot_controlled, low_at, low)
         SELECT g.sku, g.warehouse_id, $3, $4, $5, $6, $7, $8, $9, $10, g.lot_controlled, g.low_at,
                coalesce($4 <= g.low_at, false)
           FROM inventory.{leaf} AS g
          WHERE g.sku = $1 AND g.warehouse_id = $2 AND g.lot = ''";
    /// By its place in the table: under its lock it stays there, and no index is asked again.
    UPDATE_STOCK(TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID, INT8OID, TIMESTAMPTZOID, TIDOID) =
        "UPDATE inventory.{leaf} AS s SET on_hand = $4, reserved = $5, version = $6, lapsed = $7, next_expiry = $8,
                low = coalesce($4 <= s.low_at, false)
          WHERE s.ctid = $9 AND s.sku = $1 AND s.warehouse_id = $2 AND s.lot = $3 RETURNING s.ctid";
    /// Whether a place has a row that counts.
    FIND_STOCK(TEXTOID, INT4OID) =
        "SELECT s.version FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2 AND s.lot = '' AND NOT s.retired";
    /// What changes when any row of a place does.
    SHELF_STATE(TEXTOID, INT4OID) =
        "SELECT pg_catalog.count(*), pg_catalog.sum(s.version)::pg_catalog.int8 FROM inventory.{leaf} AS s
          WHERE s.sku = $1 AND s.warehouse_id = $2";
    SKU_STATE(TEXTOID) =
        "SELECT pg_catalog.count(*), pg_catalog.sum(s.version)::pg_catalog.int8 FROM inventory.{leaf} AS s
          WHERE s.sku = $1";
    /// All rows of a SKU, in lock order.
    LOCK_SKU(TEXTOID) =
        concat!("SELECT ", row!(), ", s.warehouse_id, s.low_at, s.retired FROM inventory.{leaf} AS s
          WHERE s.sku = $1 ORDER BY s.warehouse_id, s.lot FOR UPDATE");
    FLAG_SKU(TEXTOID, BOOLOID, INT8OID) =
        "UPDATE inventory.{leaf} AS s SET lot_controlled = $2, low_at = $3, low = coalesce(s.on_hand <= $3, false),
                retired = NOT EXISTS (SELECT FROM inventory.warehouse AS w WHERE w.warehouse_id = s.warehouse_id)
          WHERE s.sku = $1";
    RETIRE_SKU(TEXTOID) =
        "UPDATE inventory.{leaf} AS s SET retired = true WHERE s.sku = $1";

    FIND_PRODUCT(TEXTOID) =
        "SELECT p.lot_controlled, p.low_stock_threshold FROM inventory.product AS p WHERE p.sku = $1";
    /// For those who make a stock row: the product neither goes nor changes until they commit.
    SHARE_PRODUCT(TEXTOID) =
        "SELECT p.lot_controlled, p.low_stock_threshold FROM inventory.product AS p WHERE p.sku = $1 FOR SHARE";
    /// For those who name it in an order: it does not go until they commit.
    KEEP_PRODUCT(TEXTOID) =
        "SELECT p.lot_controlled FROM inventory.product AS p WHERE p.sku = $1 FOR KEY SHARE";
    /// The same, unless somebody changes or deletes it now.
    TRY_KEEP_PRODUCT(TEXTOID) =
        "SELECT p.lot_controlled FROM inventory.product AS p WHERE p.sku = $1 FOR KEY SHARE SKIP LOCKED";
    LOCK_PRODUCT(TEXTOID) =
        "SELECT p.lot_controlled FROM inventory.product AS p WHERE p.sku = $1 FOR UPDATE";
    /// Waits for whoever is making the same one.
    INSERT_PRODUCT(TEXTOID, TEXTOID, INT8OID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.product AS p (sku, name, low_stock_threshold, lot_controlled, unit, attributes,
                                             created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6::pg_catalog.jsonb, $7, $7) ON CONFLICT (sku) DO NOTHING";
    UPDATE_PRODUCT(TEXTOID, TEXTOID, INT8OID, BOOLOID, TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.product AS p SET name = $2, low_stock_threshold = $3, lot_controlled = $4, unit = $5,
                attributes = $6::pg_catalog.jsonb, updated_at = $7
          WHERE p.sku = $1";
    DELETE_PRODUCT(TEXTOID) =
        "DELETE FROM inventory.product AS p WHERE p.sku = $1";

    FIND_WAREHOUSE(INT4OID) =
        "SELECT w.code FROM inventory.warehouse AS w WHERE w.warehouse_id = $1";
    SHARE_WAREHOUSE(INT4OID) =
        "SELECT w.code FROM inventory.warehouse AS w WHERE w.warehouse_id = $1 FOR KEY SHARE";
    LOCK_WAREHOUSE(INT4OID) =
        "SELECT w.code FROM inventory.warehouse AS w WHERE w.warehouse_id = $1 FOR UPDATE";
    ALL_WAREHOUSES() =
        "SELECT pg_catalog.count(*), pg_catalog.sum(w.warehouse_id)::pg_catalog.int8 FROM inventory.warehouse AS w";
    WAREHOUSES_OF(INT4OID, TEXTOID) =
        "SELECT pg_catalog.count(*), pg_catalog.sum(w.warehouse_id)::pg_catalog.int8
           FROM inventory.warehouse AS w WHERE w.warehouse_id = $1 OR w.code = $2";
    WAREHOUSE_OF_CODE(TEXTOID) =
        "SELECT w.warehouse_id FROM inventory.warehouse AS w WHERE w.code = $1";
    PUT_WAREHOUSE(INT4OID, TEXTOID, TEXTOID) =
        "INSERT INTO inventory.warehouse AS w (warehouse_id, code, name) VALUES ($1, $2, $3)
         ON CONFLICT (warehouse_id) DO UPDATE SET code = excluded.code, name = excluded.name";
    DELETE_WAREHOUSE(INT4OID) =
        "DELETE FROM inventory.warehouse AS w WHERE w.warehouse_id = $1";

    FIND_REQUEST(UUIDOID) =
        "SELECT r.request_id, r.fingerprint, r.order_id, r.levels, r.reservation_id, r.expires_at FROM inventory.request AS r
          WHERE r.request_id = $1";
    OWN_REQUEST(UUIDOID) =
        "SELECT r.xmin::pg_catalog.text::pg_catalog.int8, r.xmax::pg_catalog.text::pg_catalog.int8
           FROM inventory.request AS r WHERE r.request_id = $1";
    FIND_REQUESTS(UUIDARRAYOID) =
        "SELECT r.request_id, r.fingerprint, r.order_id, r.levels, r.reservation_id, r.expires_at FROM inventory.request AS r
          WHERE r.request_id = ANY ($1)";
    CLAIM_REQUEST(UUIDOID, UUIDOID, INT8OID, INT8ARRAYOID, INT4OID, UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.request (request_id, fingerprint, order_id, levels, movements, reservation_id,
                                        expires_at, at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (request_id) DO NOTHING";
    /// Many at once, in the order given; `levels` are cut out of one list by first and last place.
    CLAIM_REQUESTS(UUIDARRAYOID, UUIDARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID,
                   UUIDARRAYOID, TIMESTAMPTZARRAYOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.request (request_id, fingerprint, order_id, levels, movements, reservation_id,
                                        expires_at, at)
         SELECT u.request_id, u.fingerprint, u.order_id, ($4)[u.first : u.last], u.movements, u.reservation_id,
                u.expires_at, $10
           FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3),
                           pg_catalog.unnest($5), pg_catalog.unnest($6), pg_catalog.unnest($7),
                           pg_catalog.unnest($8), pg_catalog.unnest($9))
             AS u (request_id, fingerprint, order_id, first, last, movements, reservation_id, expires_at)
         ON CONFLICT (request_id) DO NOTHING RETURNING request_id";
    ANSWER_REQUEST(UUIDOID, INT8ARRAYOID) =
        "UPDATE inventory.request AS r SET levels = $2 WHERE r.request_id = $1";
    FORGET_REQUESTS(UUIDARRAYOID) =
        "DELETE FROM inventory.request AS r WHERE r.request_id = ANY ($1)";

    JOURNAL_ONE(INT8OID, INT4OID, XID8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID,
                INT8OID, INT8OID, INT8OID, UUIDOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID) =
        "INSERT INTO inventory.journal (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta,
                reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id,
                reservation_id)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)";
    /// An event that moves nothing.
    JOURNAL_NOTICE(INT8OID, INT4OID, XID8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID, INT4OID, INT8OID, INT8OID, UUIDOID,
                   TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID) =
        "INSERT INTO inventory.journal (id, generation, xid, at, event_type, sku, warehouse_id, on_hand_delta,
                reserved_delta, on_hand, reserved, request_id, order_no, reason, operator, db_user, trace_id, extra)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0, $8, $9, $10, $11, $12, $13, $14, $15, $16::pg_catalog.jsonb)";

    /// What is over, as PostgreSQL prints it, and the last id that has left the journal.
    SNAPSHOT() =
        "SELECT pg_catalog.pg_current_snapshot()::pg_catalog.text, i.journal_cut_id FROM inventory.installation AS i";
    JOURNAL_CUT() =
        "SELECT i.journal_cut_id FROM inventory.installation AS i";
    /// The events of a cursor's window: see `Window` in inventory_core::cursor.
    READ_EVENTS(INT8OID, INT8OID, INT4OID, XID8OID, XID8ARRAYOID, INT4OID, XID8OID, XID8ARRAYOID, INT8OID) =
        "SELECT e.id, e.generation, e.event_type, e.sku, e.warehouse_id, e.payload, e.trace_id, e.at
           FROM inventory.event AS e
          WHERE e.id > $1 AND e.id <= $2
            AND (e.generation > $3 OR e.generation = $3 AND (e.xid >= $4 OR e.xid = ANY ($5)))
            AND (e.generation < $6 OR e.generation = $6 AND e.xid < $7 AND e.xid <> ALL ($8))
          ORDER BY e.id LIMIT $9";
    JOURNAL_MARKS(INT4OID) =
        "SELECT m.last_id, m.next_xid::pg_catalog.text::pg_catalog.int8 FROM inventory.journal_mark AS m
          WHERE m.generation = $1 ORDER BY m.last_id";

    LAST_MARK(INT8OID, INT4OID) =
        "SELECT coalesce(pg_catalog.max(m.last_id), 0), pg_catalog.count(*) FROM inventory.journal_mark AS m
          WHERE m.generation = $2 AND m.last_id <= $1";
    MARK_JOURNAL(INT8OID, INT4OID, XID8OID) =
        "INSERT INTO inventory.journal_mark (last_id, generation, next_xid) VALUES ($1, $2, $3)
         ON CONFLICT (last_id) DO UPDATE SET generation = excluded.generation, next_xid = excluded.next_xid";
    FORGET_MARKS(INT4OID) =
        "DELETE FROM inventory.journal_mark AS m
          WHERE m.generation <> $1 OR m.last_id < (
                SELECT pg_catalog.max(l.last_id) FROM inventory.journal_mark AS l
                 WHERE l.generation = $1
                   AND l.next_xid <= pg_catalog.pg_snapshot_xmin(pg_catalog.pg_current_snapshot()))";
    /// A sink that some event before that id is still to be sent to.
    WANTED_BEFORE(INT8OID) =
        "SELECT c.sink FROM inventory.relay_cursor AS c
          WHERE c.keeps_after < $1 - 1
             OR EXISTS (SELECT FROM inventory.outbox_parked AS p WHERE p.sink = c.sink AND p.id < $1)
          LIMIT 1";
    /// Whatever its state, it keeps it.
    CHANGE_SINK(TEXTOID, TEXTOID, TEXTOID) =
        "UPDATE inventory.sink AS s SET target = $2, address = $3 WHERE s.name = $1";
    COUNT_SINKS() =
        "SELECT pg_catalog.count(*) FROM inventory.sink AS s";
    INSERT_SINK(TEXTOID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.sink (name, target, address, state, generation, created_at)
         VALUES ($1, $2, $3, 'ACTIVE', $4, $5) ON CONFLICT (name) DO NOTHING";
    LOCK_SINK(TEXTOID) =
        "SELECT s.state, s.generation FROM inventory.sink AS s WHERE s.name = $1 FOR UPDATE";
    KEEP_SINK(TEXTOID, TEXTOID, INT4OID) =
        "UPDATE inventory.sink AS s SET state = $2, generation = $3 WHERE s.name = $1";
    DROP_SINK(TEXTOID) =
        "DELETE FROM inventory.sink AS s WHERE s.name = $1";
    DROP_CURSOR(TEXTOID) =
        "DELETE FROM inventory.relay_cursor AS c WHERE c.sink = $1";
    DROP_PARKED(TEXTOID) =
        "DELETE FROM inventory.outbox_parked AS p WHERE p.sink = $1";
    INSERT_CURSOR(TEXTOID, TEXTOID, INT4OID, XID8OID, XID8ARRAYOID, INT4OID, XID8OID, XID8ARRAYOID, INT8OID, INT8OID) =
        "INSERT INTO inventory.relay_cursor (sink, cursor, seen_generation, seen_before, seen_open, generation, before, open,
                                             position, keeps_after)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    FIND_CURSOR(TEXTOID) =
        "SELECT c.cursor FROM inventory.relay_cursor AS c WHERE c.sink = $1";
    SAVE_CURSOR(TEXTOID, TEXTOID, INT4OID, XID8OID, XID8ARRAYOID, INT4OID, XID8OID, XID8ARRAYOID, INT8OID, INT8OID) =
        "UPDATE inventory.relay_cursor AS c SET cursor = $2, seen_generation = $3, seen_before = $4, seen_open = $5,
                generation = $6, before = $7, open = $8, position = $9, keeps_after = $10
          WHERE c.sink = $1";
    /// The same against the will of whoever has the turn.
    SET_CURSOR(TEXTOID, TEXTOID, INT4OID, XID8OID, XID8ARRAYOID, INT4OID, XID8OID, XID8ARRAYOID, INT8OID, INT8OID) =
        "UPDATE inventory.relay_cursor AS c SET cursor = $2, seen_generation = $3, seen_before = $4, seen_open = $5,
                generation = $6, before = $7, open = $8, position = $9, keeps_after = $10,
                turn = c.turn + 1, relay = NULL, lease_until = NULL
          WHERE c.sink = $1";

    RELAY_BEAT(TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.relay AS r (relay, until) VALUES ($1, $2)
         ON CONFLICT (relay) DO UPDATE SET until = excluded.until";
    FORGET_RELAYS(TIMESTAMPTZOID) =
        "DELETE FROM inventory.relay AS r WHERE r.relay IN (
             SELECT l.relay FROM inventory.relay AS l WHERE l.until < $1 FOR UPDATE SKIP LOCKED)";
    RELAY_ENDS(TEXTOID) =
        "DELETE FROM inventory.relay AS r WHERE r.relay = $1";
    /// Sinks that are told, and relays at work.
    COUNT_SHARES(INT4OID, TIMESTAMPTZOID) =
        "SELECT (SELECT pg_catalog.count(*) FROM inventory.sink AS s WHERE s.state = 'ACTIVE' AND s.generation = $1),
                (SELECT pg_catalog.count(*) FROM inventory.relay AS r WHERE r.until >= $2)";
    RENEW_TURNS(TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.relay_cursor AS c SET lease_until = $2 WHERE c.relay = $1";
    /// Free ones, and those of relays that did not renew theirs.
    TAKE_TURNS(TEXTOID, TIMESTAMPTZOID, INT4OID, TIMESTAMPTZOID, INT8OID) =
        "UPDATE inventory.relay_cursor AS c SET relay = $1, turn = c.turn + 1, lease_until = $2
          WHERE c.sink IN (
                SELECT f.sink FROM inventory.relay_cursor AS f
                  JOIN inventory.sink AS s ON s.name = f.sink
                 WHERE s.state = 'ACTIVE' AND s.generation = $3 AND (f.relay IS NULL OR f.lease_until < $4)
                 ORDER BY f.sink LIMIT $5 FOR UPDATE OF f SKIP LOCKED)";
    TURNS_OF(TEXTOID, INT4OID) =
        "SELECT c.sink, s.target, c.cursor, c.turn, s.state = 'ACTIVE' AND s.generation = $2, i.source
           FROM inventory.relay_cursor AS c
           JOIN inventory.sink AS s ON s.name = c.sink
          CROSS JOIN inventory.installation AS i
          WHERE c.relay = $1 ORDER BY c.sink";
    GIVE_TURNS(TEXTOID, TEXTOID) =
        "UPDATE inventory.relay_cursor AS c SET relay = NULL, lease_until = NULL
          WHERE c.relay = $1 AND ($2 IS NULL OR c.sink = $2)";
    /// Nothing where the turn is over.
    SAVE_TURN(TEXTOID, INT8OID, INT8OID, TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.relay_cursor AS c
            SET delivered = c.delivered + $3, failure = $4,
                failing_since = CASE WHEN $4 IS NOT NULL THEN coalesce(c.failing_since, $5) END
          WHERE c.sink = $1 AND c.turn = $2 AND c.relay IS NOT NULL";
    SETTLE(TEXTOID, INT8ARRAYOID) =
        "DELETE FROM inventory.outbox_parked AS p WHERE p.sink = $1 AND p.id = ANY ($2)";
    PARK(TEXTOID, INT8OID, TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.outbox_parked AS p (sink, id, sku, status, attempts, next_attempt_at, error, parked_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
         ON CONFLICT (sink, id) DO UPDATE SET status = excluded.status, attempts = excluded.attempts,
                next_attempt_at = excluded.next_attempt_at, error = coalesce(excluded.error, p.error)";
    COUNT_DEAD(TEXTOID) =
        "SELECT pg_catalog.count(*) FROM inventory.outbox_parked AS p WHERE p.sink = $1 AND p.status = 'DEAD'";
    /// Of each SKU the first says when all are due.
    DUE_EVENTS(TEXTOID, INT8OID, TIMESTAMPTZOID) =
        "SELECT w.id, e.generation, e.event_type, w.sku, e.payload, e.trace_id, e.at, w.attempts, w.due
           FROM (SELECT p.id, p.sku, p.attempts,
                        coalesce(pg_catalog.first_value(p.next_attempt_at) OVER (
                            PARTITION BY p.sku, CASE WHEN p.sku IS NULL THEN p.id END ORDER BY p.id) <= $3, true) AS due
                   FROM inventory.outbox_parked AS p WHERE p.sink = $1 AND p.status = 'RETRY') AS w
           LEFT JOIN LATERAL (
                SELECT v.generation, v.event_type, v.payload, v.trace_id, v.at FROM inventory.event AS v
                 WHERE v.id = w.id) AS e ON w.due
          ORDER BY w.id LIMIT $2";
    LOCK_PARKED(INT8OID, TEXTOID) =
        "SELECT p.sink FROM inventory.outbox_parked AS p
          WHERE p.status IN ('DEAD', 'RETRY') AND p.id = $1 AND ($2 IS NULL OR p.sink = $2)
          ORDER BY p.sink FOR UPDATE";
    REDRIVE(INT8OID, TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.outbox_parked AS p SET status = 'RETRY', attempts = 0, next_attempt_at = $3
          WHERE p.status IN ('DEAD', 'RETRY') AND p.id = $1 AND ($2 IS NULL OR p.sink = $2)";

    FIND_HOLDS(UUIDARRAYOID) =
        "SELECT r.reservation_id, r.state, r.expires_at FROM inventory.reservation AS r
          WHERE r.reservation_id = ANY ($1)";
    LOCK_HOLDS(UUIDARRAYOID) =
        "SELECT r.reservation_id, r.state, r.expires_at FROM inventory.reservation AS r
          WHERE r.reservation_id = ANY ($1) ORDER BY r.reservation_id FOR UPDATE";
    TRY_LOCK_HOLDS(UUIDARRAYOID) =
        "SELECT r.reservation_id, r.state, r.expires_at FROM inventory.reservation AS r
          WHERE r.reservation_id = ANY ($1) ORDER BY r.reservation_id FOR UPDATE SKIP LOCKED";
    HOLD_LINES(UUIDARRAYOID) =
        "SELECT l.reservation_id, l.line, l.sku, l.warehouse_id, l.lot, l.quantity, l.open
           FROM inventory.reservation_line AS l
          WHERE l.reservation_id = ANY ($1) ORDER BY l.reservation_id, l.line, l.lot";
    INSERT_HOLD(UUIDOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.reservation (reservation_id, state, expires_at, created_at)
         VALUES ($1, 'HELD', $2, $3)";
    CLOSE_HOLDS(UUIDARRAYOID, TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.reservation AS r SET state = $2, closed_at = $3 WHERE r.reservation_id = ANY ($1)";
    OPEN_LINE(UUIDOID, INT4OID, TEXTOID, INT4OID, TEXTOID, INT8OID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.reservation_line (reservation_id, line, sku, warehouse_id, lot, quantity, expires_at,
                                                 open)
         VALUES ($1, $2, $3, $4, $5, $6, $7, true)";
    /// Each is looked up by its whole key, whatever the planner knows of their number.
    CLOSE_LINES(UUIDARRAYOID, INT4ARRAYOID, TEXTARRAYOID) =
        "UPDATE inventory.reservation_line AS l SET open = false
          WHERE l.open AND l.ctid = ANY (ARRAY(
                SELECT k.ctid
                  FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2), pg_catalog.unnest($3))
                       AS u (reservation_id, line, lot)
                 CROSS JOIN LATERAL (
                       SELECT f.ctid FROM inventory.reservation_line AS f
                        WHERE f.reservation_id = u.reservation_id AND f.line = u.line AND f.lot = u.lot
                        LIMIT 1) AS k))";
    /// Units of a stock row that are held until a time after $4, at $5 at the latest.
    HELD_BETWEEN(TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "SELECT coalesce(pg_catalog.sum(l.quantity), 0)::pg_catalog.int8 FROM inventory.reservation_line AS l
          WHERE l.sku = $1 AND l.warehouse_id = $2 AND l.lot = $3 AND l.open
            AND l.expires_at > $4 AND l.expires_at <= $5";
    NEXT_EXPIRY(TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID) =
        "SELECT l.expires_at FROM inventory.reservation_line AS l
          WHERE l.sku = $1 AND l.warehouse_id = $2 AND l.lot = $3 AND l.open AND l.expires_at > $4
          ORDER BY l.expires_at LIMIT 1";
    DUE_LINES(TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID, INT8OID) =
        "SELECT l.reservation_id, l.line, l.quantity FROM inventory.reservation_line AS l
          WHERE l.sku = $1 AND l.warehouse_id = $2 AND l.lot = $3 AND l.open AND l.expires_at <= $4
          ORDER BY l.expires_at LIMIT $5";
    DUE_HOLDS(TIMESTAMPTZOID, UUIDOID, TIMESTAMPTZOID, INT8OID) =
        "SELECT r.reservation_id, r.expires_at FROM inventory.reservation AS r
          WHERE r.state = 'HELD' AND (r.expires_at, r.reservation_id) > ($1, $2) AND r.expires_at <= $3
          ORDER BY r.expires_at, r.reservation_id LIMIT $4";

    /// What changes when stock has other leaves.
    LEAVES_STATE() =
        "SELECT pg_catalog.count(*), pg_catalog.sum(i.inhrelid::pg_catalog.int8)::pg_catalog.int8
           FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = 'inventory.stock'::pg_catalog.regclass";

    LAYOUT() =
        "SELECT pg_catalog.count(*), pg_catalog.sum(i.layout)::pg_catalog.int8 FROM inventory.installation AS i";

    /// Nothing while somebody else does the job.
    LOCK_UPKEEP(TEXTOID) =
        "SELECT u.position, u.at FROM inventory.upkeep AS u WHERE u.job = $1 FOR UPDATE SKIP LOCKED";
    KEEP_UPKEEP(TEXTOID, INT8OID, TIMESTAMPTZOID) =
        "UPDATE inventory.upkeep AS u SET position = $2, at = $3 WHERE u.job = $1";
    REQUEST_BLOCKS() =
        "SELECT pg_catalog.pg_relation_size('inventory.request')
                / pg_catalog.current_setting('block_size')::pg_catalog.int8";
    HOLD_BLOCKS() =
        "SELECT pg_catalog.pg_relation_size('inventory.reservation')
                / pg_catalog.current_setting('block_size')::pg_catalog.int8";
    /// Requests of the blocks from $1 to before $2 that are older than $3.
    PRUNE_REQUESTS(TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "DELETE FROM inventory.request AS d WHERE d.ctid = ANY (ARRAY(
             SELECT r.ctid FROM inventory.request AS r
              WHERE r.ctid >= $1::pg_catalog.tid AND r.ctid < $2::pg_catalog.tid AND r.at < $3
                FOR UPDATE SKIP LOCKED))";
    /// The same of holds that were resolved, with their lines. Those without limit are of orders, and stay;
    /// or they are leases.
    PRUNE_HOLDS(TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "WITH past AS MATERIALIZED (
             SELECT r.ctid, r.reservation_id FROM inventory.reservation AS r
              WHERE r.ctid >= $1::pg_catalog.tid AND r.ctid < $2::pg_catalog.tid AND r.closed_at < $3
                AND (r.expires_at IS NOT NULL
                     OR EXISTS (SELECT FROM inventory.lease AS e WHERE e.lease_id = r.reservation_id))
                FOR UPDATE SKIP LOCKED),
         leases AS (
             DELETE FROM inventory.lease AS e
              WHERE e.lease_id = ANY (ARRAY(SELECT past.reservation_id FROM past))),
         lines AS (
             DELETE FROM inventory.reservation_line AS l
              WHERE l.reservation_id = ANY (ARRAY(SELECT past.reservation_id FROM past)))
         DELETE FROM inventory.reservation AS d WHERE d.ctid = ANY (ARRAY(SELECT past.ctid FROM past))";

    SAGA_BLOCKS() =
        "SELECT pg_catalog.pg_relation_size('inventory.saga')
                / pg_catalog.current_setting('block_size')::pg_catalog.int8";
    /// The same of sagas that ended, with their steps.
    PRUNE_SAGAS(TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "WITH past AS MATERIALIZED (
             SELECT s.ctid, s.saga_id FROM inventory.saga AS s
              WHERE s.ctid >= $1::pg_catalog.tid AND s.ctid < $2::pg_catalog.tid AND s.changed_at < $3
                AND s.state IN ('COMPLETED', 'REVERTED')
                FOR UPDATE SKIP LOCKED),
         steps AS (
             DELETE FROM inventory.saga_step AS t
              WHERE t.saga_id = ANY (ARRAY(SELECT past.saga_id FROM past)))
         DELETE FROM inventory.saga AS d WHERE d.ctid = ANY (ARRAY(SELECT past.ctid FROM past))";

    INSERT_SAGA(UUIDOID, TEXTOID, TEXTOID, TEXTOID, UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT4OID) =
        "INSERT INTO inventory.saga (saga_id, name, definition, input, state, due_at, fence, request_id, operator,
                                     trace_id, created_at, changed_at, generation)
         VALUES ($1, $2, $3::pg_catalog.jsonb, $4::pg_catalog.jsonb, 'RUNNING', $8, 0, $5, $6, $7, $8, $8, $9)";
    SAGA_OF_REQUEST(UUIDOID) =
        "SELECT s.saga_id FROM inventory.saga AS s WHERE s.request_id = $1";
    /// Those that have waited longest; whoever has one now is at it. Of an older generation they wait for people.
    CLAIM_SAGAS(TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8OID, INT4OID, TEXTOID) =
        "UPDATE inventory.saga AS s SET fence = s.fence + 1, holder = $1,
                due_at = CASE WHEN s.generation = $5 THEN $3 END,
                state = CASE WHEN s.generation = $5 THEN s.state ELSE 'NEEDS_ATTENTION' END,
                reason = CASE WHEN s.generation = $5 THEN s.reason ELSE $6 END
          WHERE s.ctid = ANY (ARRAY(
                SELECT d.ctid FROM inventory.saga AS d WHERE d.due_at <= $2
                 ORDER BY d.due_at LIMIT $4 FOR UPDATE SKIP LOCKED))
         RETURNING s.saga_id, s.fence, s.due_at IS NOT NULL";
    LOCK_SAGA(UUIDOID) =
        "SELECT s.name, s.definition::pg_catalog.text, s.input::pg_catalog.text, s.state, s.fence, s.operator, s.trace_id,
                s.generation
           FROM inventory.saga AS s WHERE s.saga_id = $1 FOR UPDATE";
    SAGA_STEPS(UUIDOID) =
        "SELECT t.step, t.direction, t.state, t.asked, t.tries, t.answer::pg_catalog.text FROM inventory.saga_step AS t
          WHERE t.saga_id = $1 ORDER BY t.step";
    KEEP_SAGA(UUIDOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT4OID) =
        "UPDATE inventory.saga AS s SET state = $2, reason = $3, due_at = $4, changed_at = $5, generation = $6
          WHERE s.saga_id = $1";
    KEEP_SAGA_STEP(UUIDOID, INT4OID, TEXTOID, TEXTOID, INT4OID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.saga_step AS t (saga_id, step, direction, state, asked, tries, answer, detail, began_at,
                                               changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7::pg_catalog.jsonb, $8, $9, $9)
         ON CONFLICT (saga_id, step, direction) DO UPDATE SET state = excluded.state, asked = excluded.asked,
                tries = excluded.tries, answer = excluded.answer, detail = coalesce(excluded.detail, t.detail),
                changed_at = excluded.changed_at";

    LOCK_HOT(TEXTOID) =
        "SELECT h.sku, h.warehouse_id, h.by_hand, h.rate, h.cooling_since FROM inventory.hot_sku AS h
          WHERE h.sku = $1 FOR UPDATE";
    /// As many as the limit allows, but for those that somebody has.
    LOCK_ALL_HOT() =
        "SELECT h.sku, h.warehouse_id, h.by_hand, h.rate, h.cooling_since FROM inventory.hot_sku AS h
            FOR UPDATE SKIP LOCKED";
    KEEP_HOT(TEXTOID, INT4OID, BOOLOID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.hot_sku AS h (sku, warehouse_id, by_hand, rate, cooling_since, since)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (sku) DO UPDATE SET warehouse_id = excluded.warehouse_id, by_hand = excluded.by_hand,
                rate = excluded.rate, cooling_since = excluded.cooling_since";
    FORGET_HOT(TEXTOID) =
        "DELETE FROM inventory.hot_sku AS h WHERE h.sku = $1";

    INSERT_LEASE(UUIDOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, INT8OID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.lease (lease_id, sku, warehouse_id, holder, purpose, granted, sold, generation, state,
                                      created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, 0, $7, 'OPEN', $8, $9)";
    FIND_LEASE(UUIDOID) =
        "SELECT e.sku, e.warehouse_id, e.holder, e.purpose, e.granted, e.sold, e.generation, e.state, e.expires_at
           FROM inventory.lease AS e WHERE e.lease_id = $1";
    /// Its hold is locked before it.
    LOCK_LEASE(UUIDOID) =
        "SELECT e.holder, e.granted, e.sold, e.expires_at, e.generation FROM inventory.lease AS e
          WHERE e.lease_id = $1 FOR UPDATE";
    KEEP_LEASE(UUIDOID, TEXTOID, INT8OID, INT8OID) =
        "UPDATE inventory.lease AS e SET state = $2, sold = $3, granted = $4 WHERE e.lease_id = $1";
    RENEW_LEASE(UUIDOID, TEXTOID, INT4OID, TIMESTAMPTZOID) =
        "UPDATE inventory.lease AS e SET expires_at = $4
          WHERE e.lease_id = $1 AND e.holder = $2 AND e.generation = $3 AND e.state = 'OPEN'";
    OVERDUE_LEASES(TIMESTAMPTZOID, INT8OID) =
        "SELECT e.lease_id FROM inventory.lease AS e WHERE e.state = 'OPEN' AND e.expires_at <= $1
          ORDER BY e.expires_at LIMIT $2";
    /// A sale of leased goods: its line holds that much less, or is closed.
    LOWER_LINE(UUIDOID, INT4OID, TEXTOID, INT8OID) =
        "UPDATE inventory.reservation_line AS l
            SET open = l.quantity > $4, quantity = CASE WHEN l.quantity > $4 THEN l.quantity - $4 ELSE l.quantity END
          WHERE l.reservation_id = $1 AND l.line = $2 AND l.lot = $3 AND l.open";

    /// What the journal says of a row, when the first of its holds ends, and the last version by which somebody
    /// corrected it (or may have, in what has left the journal): all that it ever had of it, as verify() adds it
    /// up. Only for repairs.
    TOLD_OF_ROW(TEXTOID, INT4OID, TEXTOID) =
        "SELECT coalesce(pg_catalog.sum(p.on_hand), 0)::pg_catalog.int8,
                coalesce(pg_catalog.sum(p.reserved), 0)::pg_catalog.int8,
                coalesce(pg_catalog.sum(p.moves), 0)::pg_catalog.int8,
                (SELECT pg_catalog.min(l.expires_at) FROM inventory.reservation_line AS l
                  WHERE l.sku = $1 AND l.warehouse_id = $2 AND l.lot = $3 AND l.open),
                coalesce(pg_catalog.max(p.corrected), 0)
           FROM (SELECT j.on_hand_delta, j.reserved_delta, 1,
                        CASE WHEN j.event_type = 'STOCK_ADJUSTED' AND j.on_hand_delta <> 0 THEN j.version END
                   FROM inventory.journal AS j
                  WHERE j.sku = $1 AND j.warehouse_id = $2 AND j.lot = $3 AND j.version IS NOT NULL
                 UNION ALL
                 SELECT b.on_hand, b.reserved, b.version, b.version FROM inventory.journal_base AS b
                  WHERE b.sku = $1 AND b.warehouse_id = $2 AND b.lot = $3) AS p (on_hand, reserved, moves, corrected)";
    /// What it says of a lease: units granted, units sold.
    TOLD_OF_LEASE(TEXTOID, UUIDOID) =
        "SELECT coalesce(pg_catalog.sum(j.reserved_delta) FILTER (WHERE j.reserved_delta > 0), 0)::pg_catalog.int8,
                coalesce(-pg_catalog.sum(j.on_hand_delta), 0)::pg_catalog.int8
           FROM inventory.journal AS j WHERE j.sku = $1 AND j.reservation_id = $2";

    /// Nothing where it was settled since somebody looked ($7); else its number, its state, and whether it is
    /// new.
    KEEP_TICKET(TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.repair_ticket AS t (scope, kind, subject, expected, found, state, open, opened_at, seen_at)
         SELECT $1, $2, $3, $4, $5, 'PENDING', true, $6, $6
          WHERE NOT EXISTS (SELECT FROM inventory.repair_ticket AS d
                             WHERE d.kind = $2 AND d.subject = $3 AND NOT d.open AND d.closed_at >= $7)
         ON CONFLICT (kind, subject) WHERE open DO UPDATE
            SET seen_at = excluded.seen_at,
                expected = CASE t.state WHEN 'PENDING' THEN excluded.expected ELSE t.expected END,
                found = CASE t.state WHEN 'PENDING' THEN excluded.found ELSE t.found END
         RETURNING t.ticket_id, t.state, t.opened_at = t.seen_at";
    /// A new one whose finding was settled while it was opened: it was not seen then, and is now.
    DROP_TICKET(INT8OID, TIMESTAMPTZOID) =
        "DELETE FROM inventory.repair_ticket AS t
          WHERE t.ticket_id = $1
            AND EXISTS (SELECT FROM inventory.repair_ticket AS d
                         WHERE d.kind = t.kind AND d.subject = t.subject AND NOT d.open AND d.closed_at >= $2)";
    /// Those of what is found no more. One that somebody confirmed is still to be carried out, but where two
    /// inventories were compared: there it would part them again.
    CLOSE_TICKETS(TEXTOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "UPDATE inventory.repair_ticket AS t
            SET open = false, closed_at = $3, state = 'REJECTED',
                note = CASE t.state WHEN 'REJECTED' THEN t.note ELSE 'found no more' END
          WHERE t.open AND t.scope = $1 AND (t.state <> 'CONFIRMED' OR t.scope = 'shadow') AND t.seen_at < $2";
    /// Those that came to nothing: what was set right stays beside the journal, which verify() reads with it.
    FORGET_TICKETS(TIMESTAMPTZOID) =
        "DELETE FROM inventory.repair_ticket AS t
          WHERE t.ticket_id IN (SELECT o.ticket_id FROM inventory.repair_ticket AS o
                                 WHERE o.state = 'REJECTED' AND NOT o.open AND o.closed_at < $1
                                 ORDER BY o.closed_at LIMIT 1000)";
    LOCK_TICKET(INT8OID) =
        "SELECT t.kind, t.subject, t.state, t.counted, t.request_id, t.decided_by, t.expected, t.found, t.apart, t.since
           FROM inventory.repair_ticket AS t
          WHERE t.ticket_id = $1 FOR UPDATE";
    DECIDE_TICKET(INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, TIMESTAMPTZOID, INT8OID, INT8OID) =
        "UPDATE inventory.repair_ticket AS t
            SET state = $2, counted = $3, note = $4, decided_by = $5, decided_at = $6, apart = $7, since = $8
          WHERE t.ticket_id = $1";
    END_TICKET(INT8OID, TIMESTAMPTZOID) =
        "UPDATE inventory.repair_ticket AS t SET state = 'DONE', open = false, closed_at = $2
          WHERE t.ticket_id = $1";

    FIND_SHADOW(TEXTOID) =
        "SELECT f.share, f.share_by, f.state, f.cursor FROM inventory.shadow_feed AS f WHERE f.source = $1 FOR UPDATE";
    START_SHADOW(TEXTOID, INT4OID, TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.shadow_feed AS f (source, share, share_by, state, changed_at)
         VALUES ($1, $2, $3, 'RUNNING', $4)
         ON CONFLICT (source) DO UPDATE SET state = 'RUNNING', changed_at = excluded.changed_at";
    STOP_SHADOW(TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.shadow_feed AS f SET state = 'STOPPED', changed_at = $2 WHERE f.source = $1";
    KEEP_SHADOW(TEXTOID, TEXTOID, INT8OID, INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "UPDATE inventory.shadow_feed AS f
            SET cursor = $2, applied = f.applied + $3, refused = f.refused + $4,
                caught_up_at = coalesce($5, f.caught_up_at), changed_at = $6
          WHERE f.source = $1";
    /// Without $5 the source's level is added up from what came ($4).
    KEEP_SHADOW_ROW(TEXTOID, INT4OID, TEXTOID, INT8OID, INT8OID, INT8OID) =
        "INSERT INTO inventory.shadow_row AS r (sku, warehouse_id, lot, on_hand, version, missing)
         VALUES ($1, $2, $3, coalesce($5, $4), $6, coalesce($6 - 1, 0))
         ON CONFLICT (sku, warehouse_id, lot) DO UPDATE
            SET on_hand = coalesce($5, r.on_hand + $4), version = $6,
                missing = r.missing + coalesce($6 - r.version - 1, 0)";
    SHADOW_ROW(TEXTOID, INT4OID, TEXTOID) =
        "SELECT r.on_hand FROM inventory.shadow_row AS r
          WHERE r.sku = $1 AND r.warehouse_id = $2 AND r.lot = $3";
    /// So that nothing is fed meanwhile.
    LOCK_SHADOWS() =
        "SELECT f.source FROM inventory.shadow_feed AS f ORDER BY f.source FOR UPDATE";

    INSERT_API_KEY(TEXTOID, TEXTOID, TEXTOID, BYTEAOID, TIMESTAMPTZOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.api_key (key_id, name, role, key_hash, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING";
    ALL_API_KEYS() =
        "SELECT k.key_id, k.name, k.role, k.key_hash, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
           FROM inventory.api_key AS k ORDER BY k.key_id";
    LOCK_API_KEY(TEXTOID) =
        "SELECT k.revoked_at FROM inventory.api_key AS k WHERE k.key_id = $1 FOR UPDATE";
    REVOKE_API_KEY(TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.api_key AS k SET revoked_at = $2 WHERE k.key_id = $1";
    /// Only forward; a key that somebody else writes at the moment is left to the next time.
    TOUCH_API_KEY(TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.api_key AS k SET last_used_at = $2 WHERE k.key_id IN (
             SELECT l.key_id FROM inventory.api_key AS l
              WHERE l.key_id = $1 AND coalesce(l.last_used_at < $2, true) FOR UPDATE SKIP LOCKED)";

    FIND_ORDER(INT8OID) =
        "SELECT o.direction, o.state, o.warehouse_id, o.reservation_id FROM inventory.orders AS o
          WHERE o.order_id = $1";
    LOCK_ORDER(INT8OID) =
        "SELECT o.direction, o.state, o.warehouse_id, o.reservation_id FROM inventory.orders AS o
          WHERE o.order_id = $1 FOR UPDATE";
    TRY_LOCK_ORDER(INT8OID) =
        "SELECT o.direction, o.state, o.warehouse_id, o.reservation_id FROM inventory.orders AS o
          WHERE o.order_id = $1 FOR UPDATE SKIP LOCKED";
    ORDER_LINES(INT8OID) =
        "SELECT l.sku, l.lot, l.quantity, l.expires_on FROM inventory.order_line AS l
          WHERE l.order_id = $1 ORDER BY l.line";
    INSERT_ORDER(INT8OID, TEXTOID, TEXTOID, INT4OID, TEXTOID, TEXTOID, TIMESTAMPTZOID) =
        "INSERT INTO inventory.orders (order_id, order_no, direction, warehouse_id, state, external_ref, created_at,
                                       changed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    INSERT_ORDER_LINE(INT8OID, INT4OID, TEXTOID, TEXTOID, INT8OID, DATEOID) =
        "INSERT INTO inventory.order_line (order_id, line, sku, lot, quantity, expires_on)
         VALUES ($1, $2, $3, $4, $5, $6)";
    MOVE_ORDER(INT8OID, TEXTOID, UUIDOID, TEXTOID, TIMESTAMPTZOID) =
        "UPDATE inventory.orders AS o SET state = $2, reservation_id = $3, reason = $4, changed_at = $5
          WHERE o.order_id = $1";
    /// An open order that names a product, or any of a warehouse. The first looks into each open order, of
    /// which there are few beside all that ever were: an index of all lines by SKU would cost every order.
    OPEN_ORDER_OF_SKU(TEXTOID) =
        "SELECT o.order_id, NULL::pg_catalog.int8 FROM inventory.orders AS o
          CROSS JOIN LATERAL (SELECT 1 FROM inventory.order_line AS l
                               WHERE l.order_id = o.order_id AND l.sku = $1 LIMIT 1) AS named
          WHERE o.state IN ('PENDING', 'PROCESSING') LIMIT 1";
    OPEN_ORDER_OF_WAREHOUSE(INT4OID) =
        "SELECT o.order_id, NULL::pg_catalog.int8 FROM inventory.orders AS o
          WHERE o.warehouse_id = $1 AND o.state IN ('PENDING', 'PROCESSING') LIMIT 1";
}

impl Statement {
    /// For a statement on stock: the text for one leaf.
    pub fn text(&self, leaf: Option<&str>) -> String {
        leaf.map_or_else(|| self.sql.to_owned(), |leaf| self.sql.replace("{leaf}", leaf))
    }

    /// The session's plan of this statement.
    pub fn plan(&self, spi: &Spi) -> Plan {
        self.plan_for(spi, 0, None)
    }

    /// The session's plan of this statement on leaf `number` of stock.
    pub fn on_leaf(&self, spi: &Spi, number: usize, leaf: &str) -> Plan {
        self.plan_for(spi, number + 1, Some(leaf))
    }

    fn plan_for(&self, spi: &Spi, list: usize, leaf: Option<&str>) -> Plan {
        if let Some(plan) = KEPT.with_borrow(|kept| *kept.get(list)?.get(self.at)?) {
            return plan;
        }
        let plan = spi.prepare(&self.text(leaf), self.types);
        KEPT.with_borrow_mut(|kept| {
            if kept.len() <= list {
                kept.resize_with(list + 1, Vec::new);
            }
            if kept[list].len() <= self.at {
                kept[list].resize(self.at + 1, None);
            }
            kept[list][self.at] = Some(plan);
        });
        plan
    }
}

thread_local! {
    /// Plans by leaf (0: statements that name none) and statement.
    static KEPT: RefCell<Vec<Vec<Option<Plan>>>> = const { RefCell::new(Vec::new()) };
}

/// Frees every plan, because the leaves may be others now.
pub fn forget() {
    for plan in KEPT.take().into_iter().flatten().flatten() {
        plan.free();
    }
}
