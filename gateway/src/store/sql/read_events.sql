SELECT e.cursor, e.id, e.generation, e.event_type, e.sku, e.payload, e.trace_id, e.at
  FROM inventory.read_events($1, $2) AS e
