SELECT r.line, r.ticket_id, r.state
  FROM inventory.report_findings($1, $2, $3, $4, $5, $6, complete => $7) AS r
