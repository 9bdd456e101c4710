SELECT l.lease_id, l.sku, l.warehouse_id, l.holder, l.purpose, l.returned, l.expires_at
  FROM inventory.repair_leases(older_than => $1) AS l
