SELECT l.lease_id, l.granted, l.expires_at, l.generation, l.available
  FROM inventory.take_lease(sku => $1, qty => $2, holder => $3, purpose => $4, warehouse_id => $5, ttl => $6,
                            request_id => $7, operator => $3) AS l
