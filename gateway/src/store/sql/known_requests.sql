-- Which of these requests had an effect, and what it did to on hand over all its lines.
SELECT a.request_id, pg_catalog.sum(a.after_qty - a.before_qty)::bigint AS on_hand_delta
  FROM unnest($1::uuid[]) AS c (request_id)
  JOIN inventory.audit_log AS a ON a.request_id = c.request_id
 GROUP BY a.request_id
