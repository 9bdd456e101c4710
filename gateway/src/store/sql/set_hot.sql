SELECT r.changed
  FROM inventory.set_hot(sku => $1, hot => $2, request_id => $3, operator => $4, trace_id => $5) AS r
