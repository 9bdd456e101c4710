SELECT h.sku, h.warehouse_id, h.by_hand, h.rate, h.since
  FROM inventory.hot_skus AS h
 ORDER BY h.rate DESC, h.sku
 LIMIT $1
