-- What the cursor $1 has not seen, in the order of the ids, at most $2.
SELECT e.cursor, e.id, e.generation, e.event_type, e.sku, e.warehouse_id, e.payload, e.trace_id, e.at
  FROM inventory.read_events($1, $2) AS e
