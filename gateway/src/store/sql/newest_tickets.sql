SELECT t.ticket_id, t.scope, t.kind, t.subject, t.expected, t.found, t.state, t.counted, t.opened_at,
       t.decided_by, t.note
  FROM inventory.repair_tickets AS t
 ORDER BY t.ticket_id DESC LIMIT $1
