SELECT r.order_no, r.state, r.replayed
  FROM inventory.revert_order(order_no => $1, reason => $2, request_id => $3, operator => $4, trace_id => $5) AS r
