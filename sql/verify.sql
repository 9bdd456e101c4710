-- Recomputes every invariant from the rows themselves: a row a violation, none where all is sound.
-- One statement, so one snapshot: load makes no false alarms.
WITH
-- Up to when movements may have gone with their partitions.
kept AS (
    SELECT coalesce(i.journal_cut, '-infinity') AS cut FROM inventory.installation AS i
),
-- What the journal says each stock row holds and how often it moved.
total AS (
    SELECT sku, warehouse_id, lot,
           pg_catalog.sum(on_hand) AS on_hand, pg_catalog.sum(reserved) AS reserved,
           pg_catalog.sum(moves) AS version
      FROM (SELECT j.sku, j.warehouse_id, j.lot, pg_catalog.sum(j.on_hand_delta) AS on_hand,
                   pg_catalog.sum(j.reserved_delta) AS reserved, pg_catalog.count(*) AS moves
              FROM inventory.journal AS j WHERE j.version IS NOT NULL
             GROUP BY j.sku, j.warehouse_id, j.lot
            UNION ALL
            SELECT b.sku, b.warehouse_id, b.lot, b.on_hand, b.reserved, b.version
              FROM inventory.journal_base AS b) AS parts
     GROUP BY sku, warehouse_id, lot
),
book AS (
    SELECT coalesce(s.sku, t.sku) || ' in ' || coalesce(s.warehouse_id, t.warehouse_id)
           || CASE WHEN coalesce(s.lot, t.lot) = '' THEN '' ELSE ', lot ' || coalesce(s.lot, t.lot) END AS subject,
           s.sku IS NOT NULL AS stored, s.on_hand, s.reserved, s.version,
           coalesce(t.on_hand, 0) AS t_on_hand, coalesce(t.reserved, 0) AS t_reserved, coalesce(t.version, 0) AS t_version
      FROM inventory.stock AS s
      FULL JOIN total AS t ON t.sku = s.sku AND t.warehouse_id = s.warehouse_id AND t.lot = s.lot
),
-- Each movement beside the running sum of all before it.
moved AS (
    SELECT j.id, j.sku, j.warehouse_id, j.lot, j.on_hand, j.reserved, j.version, s.version AS stock_version,
           coalesce(b.on_hand, 0) + pg_catalog.sum(j.on_hand_delta) OVER one_row AS r_on_hand,
           coalesce(b.reserved, 0) + pg_catalog.sum(j.reserved_delta) OVER one_row AS r_reserved,
           coalesce(b.version, 0) + pg_catalog.row_number() OVER one_row AS r_version
      FROM inventory.journal AS j
      LEFT JOIN inventory.journal_base AS b
        ON b.sku = j.sku AND b.warehouse_id = j.warehouse_id AND b.lot = j.lot
      LEFT JOIN inventory.stock AS s
        ON s.sku = j.sku AND s.warehouse_id = j.warehouse_id AND s.lot = j.lot
     WHERE j.version IS NOT NULL
    WINDOW one_row AS (PARTITION BY j.sku, j.warehouse_id, j.lot ORDER BY j.id)
),
held_book AS (
    SELECT s.sku || ' in ' || s.warehouse_id || CASE WHEN s.lot = '' THEN '' ELSE ', lot ' || s.lot END AS subject,
           s.reserved, s.lapsed, coalesce(pg_catalog.sum(l.quantity), 0) AS held,
           coalesce(pg_catalog.sum(l.quantity)
                    FILTER (WHERE l.expires_at < coalesce(s.next_expiry, 'infinity')), 0) AS gone
      FROM inventory.stock AS s
      LEFT JOIN inventory.reservation_line AS l
        ON l.sku = s.sku AND l.warehouse_id = s.warehouse_id AND l.lot = s.lot AND l.open
     GROUP BY s.sku, s.warehouse_id, s.lot, s.reserved, s.lapsed
),
hold_sum AS (
    SELECT r.reservation_id, r.state, r.expires_at, r.created_at, pg_catalog.count(l.line) AS lines,
           pg_catalog.count(l.line) FILTER (WHERE l.open) AS open_lines,
           coalesce(pg_catalog.sum(l.quantity) FILTER (WHERE l.open), 0) AS open_units
      FROM inventory.reservation AS r
      LEFT JOIN inventory.reservation_line AS l ON l.reservation_id = r.reservation_id
     GROUP BY r.reservation_id
),
-- Each order with what its state stands for: its hold, and by which share of its lines on hand and
-- reserved have changed.
order_book AS (
    SELECT o.*, r.state AS held_as,
           CASE WHEN o.direction = 'inbound' THEN 'none'
                ELSE CASE o.state WHEN 'PROCESSING' THEN 'HELD' WHEN 'COMPLETED' THEN 'CONFIRMED' ELSE 'none' END
            END AS holds,
           CASE WHEN o.state <> 'COMPLETED' THEN 0 WHEN o.direction = 'inbound' THEN 1 ELSE -1 END AS sign,
           CASE WHEN o.state = 'PROCESSING' AND o.direction = 'outbound' THEN 1 ELSE 0 END AS held
      FROM inventory.orders AS o
      LEFT JOIN inventory.reservation AS r ON r.reservation_id = o.reservation_id
),
-- Levels that were written while the row was wrong stay as they were written: a repair that came after has
-- settled them. What moved is added up all the same.
movement_fault AS (
    SELECT m.*
      FROM moved AS m
     WHERE (m.version <> m.r_version OR m.on_hand <> m.r_on_hand OR m.reserved <> m.r_reserved
            OR ((m.on_hand < m.reserved OR m.reserved < 0) AND m.version < m.stock_version))
       AND NOT EXISTS (SELECT FROM inventory.journal AS r
                         JOIN inventory.repair_ticket AS t ON t.request_id = r.request_id AND t.state = 'DONE'
                        WHERE r.sku = m.sku AND r.warehouse_id = m.warehouse_id AND r.lot = m.lot AND r.id > m.id)
)
-- The sums.
SELECT 'stock_row' AS check_name, subject, 'a stock row' AS expected, 'none' AS actual
  FROM book WHERE NOT stored
UNION ALL
SELECT 'on_hand', subject, t_on_hand::text, on_hand::text FROM book WHERE stored AND on_hand <> t_on_hand
UNION ALL
SELECT 'reserved', subject, t_reserved::text, reserved::text FROM book WHERE stored AND reserved <> t_reserved
UNION ALL
SELECT 'version', subject, t_version::text, version::text FROM book WHERE stored AND version <> t_version
UNION ALL
SELECT 'negative', subject, '0 <= reserved <= on hand', 'reserved ' || reserved || ', on hand ' || on_hand
  FROM book WHERE stored AND (on_hand < reserved OR reserved < 0)
UNION ALL
-- The movements.
SELECT 'journal_version', 'journal ' || id, r_version::text, version::text
  FROM movement_fault WHERE version <> r_version
UNION ALL
SELECT 'journal_on_hand', 'journal ' || id, r_on_hand::text, on_hand::text
  FROM movement_fault WHERE on_hand <> r_on_hand
UNION ALL
SELECT 'journal_reserved', 'journal ' || id, r_reserved::text, reserved::text
  FROM movement_fault WHERE reserved <> r_reserved
UNION ALL
SELECT 'journal_negative', 'journal ' || id, '0 <= reserved <= on hand', 'reserved ' || reserved || ', on hand ' || on_hand
  FROM movement_fault WHERE (on_hand < reserved OR reserved < 0) AND version < stock_version
UNION ALL
-- The requests: each effect is there, once. (Of those whose journal is gone nothing can be said; an id
-- that was forgotten in time may have had another effect long before.)
SELECT 'request', 'request ' || r.request_id, r.movements || ' movements', pg_catalog.count(j.request_id) || ' movements'
  FROM inventory.request AS r
  LEFT JOIN inventory.journal AS j ON j.request_id = r.request_id AND j.at > r.at - interval '1 day'
 WHERE r.at > (SELECT cut FROM kept)
 GROUP BY r.request_id, r.movements
HAVING pg_catalog.count(j.request_id) <> r.movements
UNION ALL
-- The order numbers: one order each. Of those that are no order of their own, one without hold and
-- request id has one line.
SELECT 'order_number', 'order ' || n.order_no, '1 order', pg_catalog.count(*) || ' orders'
  FROM (SELECT DISTINCT j.order_no, j.xid,
               coalesce('hold ' || j.reservation_id, 'request ' || j.request_id, 'line ' || j.sku) AS what
          FROM inventory.journal AS j
         WHERE j.order_no IS NOT NULL AND j.version IS NOT NULL
           AND NOT EXISTS (SELECT FROM inventory.orders AS o WHERE o.order_no = j.order_no)) AS n
 GROUP BY n.order_no HAVING pg_catalog.count(*) > 1
UNION ALL
-- Rows out of use hold nothing, and are out of use only while product or warehouse is gone.
SELECT 'retired', s.sku || ' in ' || s.warehouse_id, 'in use', 'retired with ' || s.on_hand || ' units'
  FROM inventory.stock AS s
 WHERE s.retired
   AND (s.on_hand <> 0 OR s.reserved <> 0
        OR (EXISTS (SELECT FROM inventory.product AS p WHERE p.sku = s.sku)
            AND EXISTS (SELECT FROM inventory.warehouse AS w WHERE w.warehouse_id = s.warehouse_id)))
UNION ALL
-- Every shelf of lots has the row that locks it.
SELECT 'shelf', s.sku || ' in ' || s.warehouse_id || ', lot ' || s.lot, 'a row without lot', 'none'
  FROM inventory.stock AS s
 WHERE s.lot <> ''
   AND NOT EXISTS (SELECT FROM inventory.stock AS g
                    WHERE g.sku = s.sku AND g.warehouse_id = s.warehouse_id AND g.lot = '' AND g.retired = s.retired)
UNION ALL
-- What stock repeats of product and warehouse, so that a deduction reads one row.
SELECT 'product', s.sku || ' in ' || s.warehouse_id,
       coalesce('lot_controlled ' || p.lot_controlled || ', low at ' || coalesce(p.low_stock_threshold::text, 'none'), 'a product'),
       'lot_controlled ' || s.lot_controlled || ', low at ' || coalesce(s.low_at::text, 'none')
  FROM inventory.stock AS s
  LEFT JOIN inventory.product AS p ON p.sku = s.sku
 WHERE NOT s.retired
   AND (p.sku IS NULL OR p.lot_controlled <> s.lot_controlled OR p.low_stock_threshold IS DISTINCT FROM s.low_at)
UNION ALL
-- Whether it is low, which is looked up by it.
SELECT 'low', s.sku || ' in ' || s.warehouse_id || CASE WHEN s.lot = '' THEN '' ELSE ', lot ' || s.lot END,
       coalesce(s.on_hand <= s.low_at, false)::text, s.low::text
  FROM inventory.stock AS s WHERE s.low <> coalesce(s.on_hand <= s.low_at, false)
UNION ALL
SELECT 'warehouse', s.sku || ' in ' || s.warehouse_id, 'warehouse ' || s.warehouse_id, 'none'
  FROM inventory.stock AS s
 WHERE NOT s.retired
   AND NOT EXISTS (SELECT FROM inventory.warehouse AS w WHERE w.warehouse_id = s.warehouse_id)
UNION ALL
SELECT 'hot_sku', h.sku, 'a product', 'none'
  FROM inventory.hot_sku AS h
 WHERE NOT EXISTS (SELECT FROM inventory.product AS p WHERE p.sku = h.sku)
UNION ALL
-- Goods lie in lots exactly where the product is lot-controlled.
SELECT 'lot', s.sku || ' in ' || s.warehouse_id,
       CASE WHEN s.lot_controlled THEN 'goods in lots' ELSE 'goods without lot' END,
       s.on_hand || ' units ' || CASE WHEN s.lot = '' THEN 'without lot' ELSE 'in lot ' || s.lot END
  FROM inventory.stock AS s
 WHERE (s.on_hand <> 0 OR s.reserved <> 0) AND s.lot_controlled = (s.lot = '')
UNION ALL
-- The holds: what a stock row reserves is what its open lines hold; its lapsed units are the lines
-- whose time came before next_expiry.
SELECT 'held', subject, held::text, reserved::text FROM held_book WHERE held <> reserved
UNION ALL
SELECT 'lapsed', subject, gone::text, lapsed::text FROM held_book WHERE gone <> lapsed
UNION ALL
-- A hold is open as long as it is HELD, with all its lines or, past its time, some.
SELECT 'hold', 'reservation ' || h.reservation_id,
       CASE WHEN h.state = 'HELD' THEN 'open lines' ELSE 'no open line' END,
       h.open_lines || ' of ' || h.lines || ' open, ' || h.state
  FROM hold_sum AS h
 WHERE (h.state = 'HELD') <> (h.open_lines > 0)
       AND NOT (h.state = 'HELD' AND h.lines > 0 AND h.expires_at <= pg_catalog.clock_timestamp())
    OR h.state = 'HELD' AND h.expires_at IS NULL AND h.open_lines < h.lines
       AND NOT EXISTS (SELECT FROM inventory.lease AS e WHERE e.lease_id = h.reservation_id)
UNION ALL
SELECT 'hold', 'reservation ' || l.reservation_id, 'a reservation', 'lines of none'
  FROM inventory.reservation_line AS l
 WHERE NOT EXISTS (SELECT FROM inventory.reservation AS r WHERE r.reservation_id = l.reservation_id)
 GROUP BY l.reservation_id
UNION ALL
SELECT 'hold', 'reservation ' || r.reservation_id, 'until ' || coalesce(r.expires_at::text, 'resolved'),
       'line ' || l.line || ' until ' || coalesce(l.expires_at::text, 'resolved')
  FROM inventory.reservation AS r
  JOIN inventory.reservation_line AS l ON l.reservation_id = r.reservation_id
 WHERE l.expires_at IS DISTINCT FROM r.expires_at
UNION ALL
SELECT 'hold_journal', 'reservation ' || h.reservation_id, coalesce(j.held, 0) || ' units', h.open_units || ' units'
  FROM hold_sum AS h
  LEFT JOIN (SELECT j.reservation_id, pg_catalog.sum(j.reserved_delta) AS held FROM inventory.journal AS j
              WHERE j.reservation_id IS NOT NULL GROUP BY j.reservation_id) AS j ON j.reservation_id = h.reservation_id
 WHERE h.open_units <> coalesce(j.held, 0) AND h.created_at > (SELECT cut FROM kept)
UNION ALL
-- A hold without limit is that of one order, or a lease.
SELECT 'hold_order', 'reservation ' || r.reservation_id, '1 order', pg_catalog.count(o.order_id) || ' orders'
  FROM inventory.reservation AS r
  LEFT JOIN inventory.orders AS o ON o.reservation_id = r.reservation_id
  LEFT JOIN inventory.lease AS e ON e.lease_id = r.reservation_id
 GROUP BY r.reservation_id, r.expires_at, e.lease_id
HAVING pg_catalog.count(o.order_id) <> CASE WHEN r.expires_at IS NULL AND e.lease_id IS NULL THEN 1 ELSE 0 END
UNION ALL
-- The leases: each is a hold without limit of its goods alone, in the state that the hold has, and what it
-- holds is what was granted and not sold.
SELECT 'lease', 'lease ' || e.lease_id, 'a hold without limit',
       CASE WHEN r.reservation_id IS NULL THEN 'none' ELSE 'one until ' || r.expires_at END
  FROM inventory.lease AS e
  LEFT JOIN inventory.reservation AS r ON r.reservation_id = e.lease_id
 WHERE r.reservation_id IS NULL OR r.expires_at IS NOT NULL
UNION ALL
SELECT 'lease', 'lease ' || e.lease_id, e.sku || ' in ' || e.warehouse_id, l.sku || ' in ' || l.warehouse_id
  FROM inventory.lease AS e
  JOIN inventory.reservation_line AS l ON l.reservation_id = e.lease_id
 WHERE l.sku <> e.sku OR l.warehouse_id <> e.warehouse_id
UNION ALL
SELECT 'lease_state', 'lease ' || e.lease_id, e.state, 'a hold ' || h.state
  FROM inventory.lease AS e
  JOIN hold_sum AS h ON h.reservation_id = e.lease_id
 WHERE e.state <> CASE h.state WHEN 'HELD' THEN 'OPEN' WHEN 'CONFIRMED' THEN 'SETTLED' ELSE 'RETURNED' END
UNION ALL
SELECT 'lease_units', 'lease ' || e.lease_id, (e.granted - e.sold) || ' units', h.open_units || ' units'
  FROM inventory.lease AS e
  JOIN hold_sum AS h ON h.reservation_id = e.lease_id
 WHERE e.state = 'OPEN' AND h.open_units <> e.granted - e.sold
    OR e.state = 'SETTLED' AND e.sold <> e.granted
UNION ALL
SELECT 'lease_sold', 'lease ' || e.lease_id, coalesce(j.sold, 0) || ' sold', e.sold || ' sold'
  FROM inventory.lease AS e
  LEFT JOIN (SELECT j.reservation_id, -pg_catalog.sum(j.on_hand_delta) AS sold FROM inventory.journal AS j
              WHERE j.reservation_id IS NOT NULL GROUP BY j.reservation_id) AS j ON j.reservation_id = e.lease_id
 WHERE e.sold <> coalesce(j.sold, 0) AND e.created_at > (SELECT cut FROM kept)
UNION ALL
-- The orders: each holds, took, brought or gave back what its state says.
SELECT 'order_hold', 'order ' || o.order_no, 'a hold ' || o.holds, 'a hold ' || coalesce(o.held_as, 'none')
  FROM order_book AS o
 WHERE coalesce(o.held_as, 'none') <> o.holds
   AND NOT (o.state IN ('FAILED', 'REVERTED') AND coalesce(o.held_as, 'none') IN ('none', 'RELEASED', 'CONFIRMED'))
UNION ALL
SELECT 'order_line', 'order ' || o.order_no, '1 line or more', 'none'
  FROM order_book AS o
 WHERE NOT EXISTS (SELECT FROM inventory.order_line AS l WHERE l.order_id = o.order_id)
UNION ALL
SELECT 'order_line', 'order ' || o.order_no || ', line ' || coalesce(l.line, h.line),
       coalesce(l.quantity || ' of ' || l.sku, 'no line'), 'held ' || coalesce(h.quantity, 0) || ' of ' || coalesce(h.sku, l.sku)
  FROM order_book AS o
  JOIN (SELECT h.reservation_id, h.line, h.sku, pg_catalog.sum(h.quantity) AS quantity
          FROM inventory.reservation_line AS h GROUP BY h.reservation_id, h.line, h.sku) AS h
    ON h.reservation_id = o.reservation_id
  LEFT JOIN inventory.order_line AS l ON l.order_id = o.order_id AND l.line = h.line
 WHERE l.quantity IS DISTINCT FROM h.quantity OR l.sku IS DISTINCT FROM h.sku
UNION ALL
SELECT 'order_state', 'order ' || o.order_no, coalesce(e.state, 'an event'), o.state
  FROM order_book AS o
  LEFT JOIN (SELECT j.order_no, (pg_catalog.array_agg(j.extra ->> 'to' ORDER BY j.id DESC))[1] AS state
               FROM inventory.journal AS j WHERE j.event_type = 'ORDER_STATE_CHANGED' GROUP BY j.order_no) AS e
    ON e.order_no = o.order_no
 WHERE e.state IS DISTINCT FROM o.state AND o.changed_at > (SELECT cut FROM kept)
UNION ALL
SELECT 'order_goods', 'order ' || o.order_no || ', ' || w.sku,
       w.on_hand || ' on hand, ' || w.reserved || ' reserved',
       coalesce(m.on_hand, 0) || ' on hand, ' || coalesce(m.reserved, 0) || ' reserved'
  FROM order_book AS o
  JOIN (SELECT l.order_id, l.sku,
               pg_catalog.sum(l.quantity * b.sign) AS on_hand, pg_catalog.sum(l.quantity * b.held) AS reserved
          FROM inventory.order_line AS l
          JOIN order_book AS b ON b.order_id = l.order_id
         GROUP BY l.order_id, l.sku) AS w ON w.order_id = o.order_id
  LEFT JOIN (SELECT j.order_no, j.sku, pg_catalog.sum(j.on_hand_delta) AS on_hand,
                    pg_catalog.sum(j.reserved_delta) AS reserved
               FROM inventory.journal AS j WHERE j.order_no IS NOT NULL AND j.version IS NOT NULL
              GROUP BY j.order_no, j.sku) AS m ON m.order_no = o.order_no AND m.sku = w.sku
 WHERE (w.on_hand <> coalesce(m.on_hand, 0) OR w.reserved <> coalesce(m.reserved, 0))
   AND o.created_at > (SELECT cut FROM kept)
UNION ALL
-- The leaves of stock take every SKU, each one SKU.
SELECT 'stock_partition', 'inventory.stock', 'leaves for all SKUs', 'leaves for ' || pg_catalog.round(100 * share, 2) || ' %'
  FROM (SELECT coalesce(pg_catalog.sum(1 / b.part[1]::pg_catalog.numeric), 0) AS share
          FROM pg_catalog.pg_inherits AS i
          JOIN pg_catalog.pg_class AS c ON c.oid = i.inhrelid
         CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(c.relpartbound, c.oid),
               'modulus ([0-9]+)') AS b (part)
         WHERE i.inhparent = 'inventory.stock'::pg_catalog.regclass) AS leaves
 WHERE share <> 1
UNION ALL
SELECT 'journal_partition', 'inventory.journal', 'a default partition', 'none'
 WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_partitioned_table AS t
                    WHERE t.partrelid = 'inventory.journal'::pg_catalog.regclass AND t.partdefid <> 0)
UNION ALL
-- The sagas: one that is COMPLETED has done all its actions and undone none; one that is REVERTED has undone
-- whatever may have been done. (A refusal that came to a second asking leaves the first open.)
SELECT 'saga', 'saga ' || s.saga_id || ', step ' || n.step,
       CASE s.state WHEN 'COMPLETED' THEN 'an action DONE, no compensation' ELSE 'undone' END,
       'an action ' || coalesce(a.state, 'none') || ', a compensation ' || coalesce(c.state, 'none')
  FROM inventory.saga AS s
 CROSS JOIN LATERAL pg_catalog.generate_series(1, pg_catalog.jsonb_array_length(s.definition -> 'steps')) AS n (step)
  LEFT JOIN inventory.saga_step AS a ON a.saga_id = s.saga_id AND a.step = n.step AND a.direction = 'action'
  LEFT JOIN inventory.saga_step AS c ON c.saga_id = s.saga_id AND c.step = n.step AND c.direction = 'compensation'
 WHERE s.state = 'COMPLETED' AND (a.state IS DISTINCT FROM 'DONE' OR c.state IS NOT NULL)
    OR s.state = 'REVERTED'
       AND (a.state = 'CALLING'
            OR (a.state IN ('DONE', 'VOID') OR a.state = 'REFUSED' AND a.asked > 1) AND c.state IS DISTINCT FROM 'DONE'
            OR c.state IS NOT NULL AND c.state <> 'DONE')
UNION ALL
-- Nothing is undone while it may yet be done, and each before what was done before it.
SELECT 'saga_order', 'saga ' || c.saga_id || ', step ' || c.step, 'an action settled, those after it undone',
       'an action ' || coalesce(a.state, 'none') || coalesce(', step ' || later.step || ' not undone', '')
  FROM inventory.saga_step AS c
  LEFT JOIN inventory.saga_step AS a ON a.saga_id = c.saga_id AND a.step = c.step AND a.direction = 'action'
  LEFT JOIN LATERAL (
       SELECT l.step FROM inventory.saga_step AS l
        WHERE l.saga_id = c.saga_id AND l.step > c.step AND l.direction = 'action' AND l.state IN ('DONE', 'VOID')
          AND NOT EXISTS (SELECT FROM inventory.saga_step AS u
                           WHERE u.saga_id = l.saga_id AND u.step = l.step AND u.direction = 'compensation' AND u.state = 'DONE')
        LIMIT 1) AS later ON true
 WHERE c.direction = 'compensation' AND (coalesce(a.state, 'CALLING') = 'CALLING' OR later.step IS NOT NULL)
UNION ALL
SELECT 'saga_step', 'saga ' || t.saga_id || ', step ' || t.step, 'a step of a saga', 'none'
  FROM inventory.saga_step AS t
 WHERE NOT EXISTS (SELECT FROM inventory.saga AS s
                    WHERE s.saga_id = t.saga_id
                      AND t.step BETWEEN 1 AND pg_catalog.jsonb_array_length(s.definition -> 'steps'))
UNION ALL
-- What a saga reserved is gone or given back as it ended. (A hold that was resolved long ago is forgotten.)
SELECT 'saga_hold', 'saga ' || s.saga_id, CASE s.state WHEN 'REVERTED' THEN 'nothing held or taken' ELSE 'a hold CONFIRMED' END,
       'a hold ' || r.state
  FROM inventory.saga AS s
 CROSS JOIN LATERAL pg_catalog.jsonb_array_elements(s.definition -> 'steps') WITH ORDINALITY AS d (step, at)
  JOIN inventory.saga_step AS t ON t.saga_id = s.saga_id AND t.step = d.at AND t.direction = 'action' AND t.state = 'DONE'
  JOIN inventory.reservation AS r ON r.reservation_id::text = t.answer ->> 'reservation_id'
 WHERE d.step ->> 'participant' = 'engine' AND d.step ->> 'action' = 'reserve'
   AND (s.state = 'REVERTED'
        AND (r.state = 'CONFIRMED' OR r.state = 'HELD' AND r.expires_at > pg_catalog.clock_timestamp())
        OR s.state = 'COMPLETED' AND r.state <> 'CONFIRMED'
           AND EXISTS (SELECT FROM pg_catalog.jsonb_array_elements(s.definition -> 'steps') AS e (step)
                        WHERE e.step ->> 'participant' = 'engine' AND e.step ->> 'action' = 'confirm'))
UNION ALL
-- Each sink has a cursor, and each cursor and parked event its sink.
SELECT 'sink', 'sink ' || coalesce(s.name, c.sink), 'a sink with its cursor', CASE WHEN s.name IS NULL THEN 'no sink' ELSE 'no cursor' END
  FROM inventory.sink AS s
  FULL JOIN inventory.relay_cursor AS c ON c.sink = s.name
 WHERE s.name IS NULL OR c.sink IS NULL
UNION ALL
-- What a sink has still to hear is in the journal.
SELECT 'cursor', 'sink ' || c.sink, 'behind ' || i.journal_cut_id, 'behind ' || c.keeps_after
  FROM inventory.relay_cursor AS c
 CROSS JOIN inventory.installation AS i
 WHERE c.keeps_after < i.journal_cut_id
UNION ALL
SELECT 'parked', 'event ' || p.id || ' for sink ' || p.sink, 'an event and a sink',
       CASE WHEN j.id IS NULL THEN 'no event' ELSE 'no sink' END
  FROM inventory.outbox_parked AS p
  LEFT JOIN inventory.journal AS j ON j.id = p.id
  LEFT JOIN inventory.sink AS s ON s.name = p.sink
 WHERE j.id IS NULL OR s.name IS NULL
