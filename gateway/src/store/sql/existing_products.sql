SELECT p.sku, p.low_stock_threshold IS NOT NULL AS watched
  FROM inventory.products AS p
  JOIN unnest($1::text[]) AS c (sku) ON c.sku = p.sku
