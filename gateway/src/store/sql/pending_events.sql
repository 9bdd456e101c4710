-- The same of what is PENDING: behind what every sink has heard, so that where little waits little is read.
SELECT o.id, o.sink, o.event_type, o.payload, o.status, o.attempts, o.next_attempt_at, NULL::text AS error, o.at
  FROM inventory.outbox AS o
 WHERE o.status = $1 AND o.id <= coalesce($2::bigint, 9223372036854775807) AND ($2 IS NULL OR o.id < $2 OR o.sink > $3)
   AND o.id > coalesce((SELECT min(s.keeps_after) FROM inventory.sinks AS s), 0)
 ORDER BY o.id DESC, o.sink
 LIMIT $4
