-- The same of what is RETRY or DEAD.
SELECT p.id, p.sink, p.event_type, p.payload, p.status, p.attempts, p.next_attempt_at, p.error, p.at
  FROM inventory.parked_events AS p
 WHERE p.status = $1 AND ($2::bigint IS NULL OR p.id < $2 OR p.id = $2 AND p.sink > $3)
 ORDER BY p.id DESC, p.sink
 LIMIT $4
