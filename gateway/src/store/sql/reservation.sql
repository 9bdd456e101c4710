SELECT r.state, r.expires_at, r.created_at, r.closed_at, r.sku, r.warehouse_id, r.lot, r.quantity
  FROM inventory.reservations AS r
 WHERE r.reservation_id = $1
 ORDER BY r.line, r.lot
