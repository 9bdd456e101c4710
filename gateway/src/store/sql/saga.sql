SELECT s.saga_id, s.name, s.state, s.reason, s.input, s.due_at, s.operator, s.trace_id, s.created_at, s.changed_at
  FROM inventory.sagas AS s WHERE s.saga_id = $1
