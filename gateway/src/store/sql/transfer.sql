SELECT r.code, r.order_no, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.transfer(sku => $1, qty => $2, from_warehouse => $3, to_warehouse => $4,
                          lot => $5, reason => $6,
                          request_id => $7, operator => $8, trace_id => $9) AS r
