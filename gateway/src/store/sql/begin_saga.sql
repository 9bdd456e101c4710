SELECT b.saga_id, b.state, b.replayed
  FROM inventory.begin_saga($1, $2, $3, request_id => $4, operator => $5, trace_id => $6) AS b
