SELECT r.code, NULL::boolean AS created, r.replayed
  FROM inventory.delete_product(sku => $1, request_id => $2, operator => $3, trace_id => $4) AS r
