-- Many adjustments in one round trip, each a call of its own; the first refusal raises for all.
SELECT r.replayed
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::integer[], $5::text[], $6::text[], $7::text[])
       AS c (request_id, sku, delta, warehouse_id, reason, operator, trace_id)
 CROSS JOIN LATERAL inventory.adjust(sku => c.sku, delta => c.delta, reason => c.reason,
                                     warehouse_id => c.warehouse_id, request_id => c.request_id,
                                     operator => c.operator, trace_id => c.trace_id) AS r
