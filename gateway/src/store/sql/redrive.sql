SELECT r.replayed
  FROM inventory.redrive(event_id => $1, sink => $2, request_id => $3, operator => $4, trace_id => $5) AS r
