SELECT p.sku, p.name, p.low_stock_threshold, p.lot_controlled, p.unit, p.attributes
  FROM inventory.products AS p
 WHERE ($1::text IS NULL OR p.sku = $1) AND ($2::text IS NULL OR p.sku > $2)
 ORDER BY p.sku
 LIMIT $3
