-- As the list of what is low tells them, with the versions of their rows.
SELECT w.sku, w.warehouse_id, w.on_hand, w.reserved, w.available, true AS low, v.version
  FROM inventory.low_stock AS w
 CROSS JOIN LATERAL (SELECT l.version FROM inventory.stock_level AS l
                      WHERE l.sku = w.sku AND l.warehouse_id = w.warehouse_id OFFSET 0) AS v
 WHERE ($1::text IS NULL OR w.sku = $1) AND ($2::integer IS NULL OR w.warehouse_id = $2)
 ORDER BY w.sku, w.warehouse_id
 LIMIT $3
