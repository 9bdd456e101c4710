SELECT r.code, r.order_no, r.reservation_id, r.state, r.replayed
  FROM inventory.confirm(reservation_id => $1, qty => $2, request_id => $3, operator => $4, trace_id => $5) AS r
