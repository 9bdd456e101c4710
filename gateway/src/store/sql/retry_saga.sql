SELECT r.state, r.replayed FROM inventory.retry_saga($1, $2, request_id => $3, operator => $4, trace_id => $5) AS r
