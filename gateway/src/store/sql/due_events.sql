SELECT e.id, e.generation, e.event_type, e.sku, e.payload, e.trace_id, e.at, e.attempts, e.due
  FROM inventory.due_events($1, $2) AS e
