-- Both ends of what waits, by the key of the journal: its rows are never counted. Ids may have gaps, so
-- there are at most so many.
SELECT newest.id - oldest.id + 1 AS pending,
       extract(epoch FROM pg_catalog.clock_timestamp() - oldest.at)::double precision AS lag_seconds
  FROM (SELECT o.id, o.at FROM inventory.outbox AS o WHERE o.status = 'PENDING' ORDER BY o.id LIMIT 1) AS oldest
 CROSS JOIN (SELECT o.id FROM inventory.outbox AS o WHERE o.status = 'PENDING' ORDER BY o.id DESC LIMIT 1) AS newest
