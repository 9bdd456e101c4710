SELECT v.check_name, pg_catalog.count(*) AS violations, coalesce(pg_catalog.min(v.subject), '') AS first
  FROM inventory.verify() AS v
 GROUP BY v.check_name
