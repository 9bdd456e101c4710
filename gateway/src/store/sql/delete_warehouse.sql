SELECT r.code, NULL::boolean AS created, r.replayed
  FROM inventory.delete_warehouse(warehouse_id => $1, request_id => $2, operator => $3, trace_id => $4) AS r
