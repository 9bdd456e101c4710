SELECT s.sku, s.warehouse_id, s.on_hand, s.reserved, s.available, s.low, s.version
  FROM inventory.stock_level AS s
 WHERE s.sku = $1 AND ($2::integer IS NULL OR s.warehouse_id = $2)
 ORDER BY s.warehouse_id
 LIMIT $3
