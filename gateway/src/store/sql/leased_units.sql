-- What each holder may have left of a SKU.
SELECT l.holder, l.sku, l.warehouse_id, pg_catalog.sum(l.rest)::bigint AS rest
  FROM inventory.leases AS l
 WHERE l.state = 'OPEN'
 GROUP BY l.holder, l.sku, l.warehouse_id
