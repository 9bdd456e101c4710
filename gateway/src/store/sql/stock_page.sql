-- A page of products after $2, each with its levels (OFFSET 0: looked up one by one); one without any
-- stock is a row without levels.
SELECT p.sku, l.warehouse_id, l.on_hand, l.reserved, l.available, l.low, l.version
  FROM (SELECT c.sku FROM inventory.products AS c
         WHERE $2::text IS NULL OR c.sku > $2
         ORDER BY c.sku LIMIT $3) AS p
  LEFT JOIN LATERAL (SELECT s.* FROM inventory.stock_level AS s
                      WHERE s.sku = p.sku AND ($1::integer IS NULL OR s.warehouse_id = $1) OFFSET 0) AS l ON true
 ORDER BY p.sku, l.warehouse_id
