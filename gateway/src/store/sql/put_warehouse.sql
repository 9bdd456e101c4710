SELECT r.code, r.created, r.replayed
  FROM inventory.put_warehouse(warehouse_id => $1, code => $2, name => $3,
                               request_id => $4, operator => $5, trace_id => $6) AS r
