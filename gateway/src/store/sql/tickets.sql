-- Newest first.
SELECT t.ticket_id, t.scope, t.kind, t.subject, t.expected, t.found, t.state, t.counted, t.opened_at,
       t.decided_by, t.note
  FROM inventory.repair_tickets AS t
 WHERE ($2::bigint IS NULL OR t.ticket_id < $2)
   AND ($1::text IS NULL OR t.state = $1)
 ORDER BY t.ticket_id DESC LIMIT $3
