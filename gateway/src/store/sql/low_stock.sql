SELECT l.sku, l.name, l.warehouse_id, l.on_hand, l.available, l.low_stock_threshold
  FROM inventory.low_stock AS l
 ORDER BY l.on_hand::numeric / greatest(l.low_stock_threshold, 1), l.sku, l.warehouse_id
 LIMIT $1
