-- The most wanted first, those after rate $1, SKU $2 and warehouse $3.
SELECT h.sku, h.warehouse_id, h.by_hand, h.rate, h.since
  FROM inventory.hot_skus AS h
 WHERE $1::bigint IS NULL OR (-h.rate, h.sku, h.warehouse_id) > (-$1, $2::text, $3::integer)
 ORDER BY -h.rate, h.sku, h.warehouse_id
 LIMIT $4
