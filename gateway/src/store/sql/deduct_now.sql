SELECT r.code, r.order_no, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.deduct_now(sku => $1, qty => $2, warehouse_id => $3, lot => $4, reason => $5,
                            request_id => $6, operator => $7, trace_id => $8) AS r
