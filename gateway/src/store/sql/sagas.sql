-- Newest first.
SELECT s.saga_id, s.name, s.state, s.reason, s.input, s.due_at, s.operator, s.trace_id, s.created_at, s.changed_at
  FROM inventory.sagas AS s
 WHERE ($2::uuid IS NULL OR s.saga_id < $2)
   AND ($1::text IS NULL OR s.state = $1)
 ORDER BY s.saga_id DESC LIMIT $3
