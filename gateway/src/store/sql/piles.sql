-- Of each at most $1: all that is low, and all leases that are open, are all of a partial index.
WITH
low AS (SELECT w.sku FROM inventory.low_stock AS w LIMIT $1),
lease AS (
    SELECT e.rest, e.expires_at <= pg_catalog.clock_timestamp() AS overdue
      FROM inventory.leases AS e WHERE e.state = 'OPEN' LIMIT $1
)
SELECT (SELECT pg_catalog.count(*) FROM low) AS low,
       pg_catalog.count(*) FILTER (WHERE NOT e.overdue) AS current_leases,
       coalesce(pg_catalog.sum(e.rest) FILTER (WHERE NOT e.overdue), 0)::bigint AS current_units,
       pg_catalog.count(*) FILTER (WHERE e.overdue) AS overdue_leases,
       coalesce(pg_catalog.sum(e.rest) FILTER (WHERE e.overdue), 0)::bigint AS overdue_units
  FROM lease AS e
