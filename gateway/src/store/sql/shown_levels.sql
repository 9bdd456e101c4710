-- What the metrics show of stock: what is watched, hot, low, in this order (OFFSET 0: looked up one by one).
SELECT l.sku, l.warehouse_id, l.on_hand
  FROM (SELECT w.sku, 1 AS rank FROM unnest($1::text[]) AS w (sku)
         UNION ALL
        (SELECT DISTINCT h.sku, 2 FROM inventory.hot_skus AS h LIMIT $2)
         UNION ALL
        (SELECT w.sku, 3 FROM inventory.low_stock AS w LIMIT $2)) AS s
 CROSS JOIN LATERAL (SELECT v.* FROM inventory.stock_level AS v WHERE v.sku = s.sku OFFSET 0) AS l
 ORDER BY s.rank
 LIMIT $2
