-- Transactions open for more than a minute: each keeps the rows it locked, and holds back vacuum.
SELECT a.pid, a.usename::text AS db_user, a.application_name, a.state,
       extract(epoch FROM pg_catalog.clock_timestamp() - a.xact_start)::double precision AS seconds,
       a.backend_xid IS NOT NULL AS writes
  FROM pg_catalog.pg_stat_activity AS a
 WHERE a.datname = pg_catalog.current_database()
   AND a.pid <> pg_catalog.pg_backend_pid()
   AND a.xact_start < pg_catalog.clock_timestamp() - interval '1 minute'
 ORDER BY a.xact_start
 LIMIT 10
