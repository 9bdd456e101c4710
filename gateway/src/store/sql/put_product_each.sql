-- Many products in one round trip, each a call of its own; the first refusal raises for all.
SELECT r.created
  FROM unnest($1::uuid[], $2::text[], $3::text[], $4::bigint[], $5::text[], $6::jsonb[])
       AS c (request_id, sku, name, low_stock_threshold, unit, attributes)
 CROSS JOIN LATERAL inventory.put_product(sku => c.sku, name => c.name,
                                          low_stock_threshold => c.low_stock_threshold,
                                          unit => c.unit, attributes => c.attributes,
                                          request_id => c.request_id) AS r
