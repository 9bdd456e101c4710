SELECT l.sku, l.warehouse_id, l.lot, l.on_hand, l.reserved, l.available,
       l.expires_on::text AS expires_on, l.version
  FROM inventory.stock_lot AS l
 WHERE l.sku = $1 AND ($2::integer IS NULL OR l.warehouse_id = $2)
 ORDER BY l.warehouse_id, l.expires_on NULLS LAST, l.lot
 LIMIT $3
