SELECT r.replayed
  FROM inventory.reject_ticket($1, $2, request_id => $3, operator => $4, trace_id => $5) AS r
