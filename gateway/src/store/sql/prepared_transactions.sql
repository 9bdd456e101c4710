SELECT p.gid, extract(epoch FROM pg_catalog.clock_timestamp() - p.prepared)::double precision AS seconds
  FROM pg_catalog.pg_prepared_xacts AS p
 WHERE p.database = pg_catalog.current_database()
 ORDER BY p.prepared
 LIMIT 10
