SELECT r.order_no, r.order_id, r.state, r.replayed
  FROM inventory.create_order(direction => $1, lines => $2, warehouse_id => $3, external_ref => $4,
                              request_id => $5, operator => $6, trace_id => $7) AS r
