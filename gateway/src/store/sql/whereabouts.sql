-- A copy of the files has the same two names; it is not the server that began at this moment.
SELECT c.system_identifier, d.oid, pg_catalog.pg_postmaster_start_time() AS began
  FROM pg_catalog.pg_control_system() AS c, pg_catalog.pg_database AS d
 WHERE d.datname = pg_catalog.current_database()
