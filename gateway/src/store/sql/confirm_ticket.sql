SELECT c.replayed
  FROM inventory.confirm_ticket($1, counted => $2, request_id => $3, operator => $4, trace_id => $5) AS c
