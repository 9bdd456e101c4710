-- Recomputes every invariant from the rows themselves: a row a violation, none where all is sound.
-- One statement, so one snapshot: load makes no false alarms.
WITH
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
    SELECT j.id, j.on_hand, j.reserved, j.version, s.version AS stock_version,
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
movement_fault AS (
    SELECT m.*
      FROM moved AS m
     WHERE m.version <> m.r_version OR m.on_hand <> m.r_on_hand OR m.reserved <> m.r_reserved
        OR ((m.on_hand < m.reserved OR m.reserved < 0) AND m.version < m.stock_version)
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
-- The requests: each effect is there, once.
SELECT 'request', 'request ' || r.request_id, r.movements || ' movements', coalesce(e.movements, 0) || ' movements'
  FROM inventory.request AS r
  LEFT JOIN (SELECT j.request_id, pg_catalog.count(*) AS movements FROM inventory.journal AS j
              WHERE j.request_id IS NOT NULL GROUP BY j.request_id) AS e ON e.request_id = r.request_id
 WHERE coalesce(e.movements, 0) <> r.movements
UNION ALL
-- The order numbers: one order each. An order without request id has one line.
SELECT 'order_number', 'order ' || o.order_no, '1 order', pg_catalog.count(*) || ' orders'
  FROM (SELECT j.order_no, j.request_id, j.xid, CASE WHEN j.request_id IS NULL THEN j.sku END AS sku
          FROM inventory.journal AS j
         WHERE j.order_no IS NOT NULL
         GROUP BY j.order_no, j.request_id, j.xid, CASE WHEN j.request_id IS NULL THEN j.sku END) AS o
 GROUP BY o.order_no HAVING pg_catalog.count(*) > 1
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
SELECT 'warehouse', s.sku || ' in ' || s.warehouse_id, 'warehouse ' || s.warehouse_id, 'none'
  FROM inventory.stock AS s
 WHERE NOT s.retired
   AND NOT EXISTS (SELECT FROM inventory.warehouse AS w WHERE w.warehouse_id = s.warehouse_id)
UNION ALL
-- Goods lie in lots exactly where the product is lot-controlled.
SELECT 'lot', s.sku || ' in ' || s.warehouse_id,
       CASE WHEN s.lot_controlled THEN 'goods in lots' ELSE 'goods without lot' END,
       s.on_hand || ' units ' || CASE WHEN s.lot = '' THEN 'without lot' ELSE 'in lot ' || s.lot END
  FROM inventory.stock AS s
 WHERE s.on_hand <> 0 AND s.lot_controlled = (s.lot = '')
