-- Products in order, each with its levels (OFFSET 0: looked up one by one), until there are enough.
SELECT s.sku, s.warehouse_id, s.on_hand, s.reserved, s.available, s.low, s.version
  FROM inventory.products AS p
 CROSS JOIN LATERAL (SELECT l.* FROM inventory.stock_level AS l
                      WHERE l.sku = p.sku AND ($1::integer IS NULL OR l.warehouse_id = $1) OFFSET 0) AS s
 ORDER BY p.sku, s.warehouse_id
 LIMIT $2
