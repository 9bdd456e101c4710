-- Many receipts in one round trip, each a call of its own; the first refusal raises for all.
SELECT r.replayed
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[])
       AS c (request_id, sku, qty, warehouse_id, reason, operator, trace_id)
 CROSS JOIN LATERAL inventory.receive(sku => c.sku, qty => c.qty, warehouse_id => c.warehouse_id,
                                      reason => c.reason, request_id => c.request_id,
                                      operator => c.operator, trace_id => c.trace_id) AS r
