SELECT r.code, r.order_no, r.on_hand, r.reserved, r.available, r.replayed
  FROM inventory.recount(sku => $1, counted => $2, reason => $3, warehouse_id => $4, lot => $5,
                         expected_version => $6,
                         request_id => $7, operator => $8, trace_id => $9) AS r
