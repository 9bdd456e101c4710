-- Newest first, those before ($2, $3), of one status or of all.
SELECT o.id, o.sink, o.event_type, o.payload, o.status, o.attempts, o.next_attempt_at, NULL::text AS error, o.at
  FROM inventory.outbox AS o
 WHERE ($1::text IS NULL OR o.status = $1)
   AND o.id <= coalesce($2::bigint, 9223372036854775807) AND ($2 IS NULL OR o.id < $2 OR o.sink > $3)
 ORDER BY o.id DESC, o.sink
 LIMIT $4
