SELECT r.code, r.order_no, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.adjust(sku => $1, delta => $2, reason => $3, warehouse_id => $4, lot => $5,
                        request_id => $6, operator => $7, trace_id => $8) AS r
