-- A page of the SKUs after $2 that are low somewhere, with the levels of those places.
SELECT l.sku, l.warehouse_id, l.on_hand, l.reserved, l.available, true AS low, v.version
  FROM inventory.low_stock AS l
  JOIN (SELECT DISTINCT w.sku FROM inventory.low_stock AS w
         WHERE ($1::integer IS NULL OR w.warehouse_id = $1) AND ($2::text IS NULL OR w.sku > $2)
         ORDER BY w.sku LIMIT $3) AS p ON p.sku = l.sku
 CROSS JOIN LATERAL (SELECT s.version FROM inventory.stock_level AS s
                      WHERE s.sku = l.sku AND s.warehouse_id = l.warehouse_id OFFSET 0) AS v
 WHERE $1::integer IS NULL OR l.warehouse_id = $1
 ORDER BY l.sku, l.warehouse_id
