SELECT r.code, r.order_no, r.reservation_id, r.state, r.replayed
  FROM inventory.release(reservation_id => $1, reason => $2, request_id => $3, operator => $4, trace_id => $5) AS r
