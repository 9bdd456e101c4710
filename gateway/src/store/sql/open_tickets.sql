SELECT t.ticket_id, t.scope, t.kind, t.subject, t.expected, t.found, t.state, t.counted, t.opened_at,
       t.decided_by, t.note
  FROM inventory.repair_tickets AS t
 WHERE t.open AND t.ticket_id > $1
 ORDER BY t.ticket_id LIMIT $2
