SELECT l.lease_id, l.sku, l.warehouse_id, l.holder, l.rest, l.expires_at
  FROM inventory.leases AS l
 WHERE l.state = 'OPEN' AND l.expires_at < pg_catalog.clock_timestamp() - $1::interval
 ORDER BY l.expires_at LIMIT $2
