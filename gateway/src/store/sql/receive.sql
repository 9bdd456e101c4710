SELECT r.code, r.order_no, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.receive(sku => $1, qty => $2, warehouse_id => $3, lot => $4,
                         expires_on => $5, reason => $6,
                         request_id => $7, operator => $8, trace_id => $9) AS r
