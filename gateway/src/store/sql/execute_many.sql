-- The rows come in the order of the lines.
SELECT r.code, r.detail, r.order_no, r.reservation_id, r.expires_at, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.execute_many(
           kinds => $1, request_ids => $2, skus => $3, qtys => $4, warehouse_ids => $5, lots => $6,
           expires_on => $7, reasons => $8, ttls => $9, operators => $10, trace_ids => $11, wait => $12) AS r
