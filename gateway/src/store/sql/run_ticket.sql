SELECT r.state, r.replayed FROM inventory.run_ticket($1, operator => $2, trace_id => $3) AS r
