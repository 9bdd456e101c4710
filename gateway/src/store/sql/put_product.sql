SELECT r.code, r.created, r.replayed
  FROM inventory.put_product(sku => $1, name => $2, low_stock_threshold => $3, lot_controlled => $4,
                             unit => $5, attributes => $6,
                             request_id => $7, operator => $8, trace_id => $9) AS r
