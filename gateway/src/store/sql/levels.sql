SELECT s.sku, s.warehouse_id, s.on_hand, s.reserved, s.available, s.low, s.version
  FROM inventory.stock_level AS s
 WHERE ($1::text IS NULL OR s.sku = $1)
   AND ($2::integer IS NULL OR s.warehouse_id = $2)
   AND (NOT $3 OR s.low)
 ORDER BY s.sku, s.warehouse_id
 LIMIT $4
