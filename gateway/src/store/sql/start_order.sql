SELECT r.order_no, r.state, r.replayed
  FROM inventory.start_order(order_no => $1, request_id => $2, operator => $3, trace_id => $4) AS r
