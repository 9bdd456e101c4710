SELECT pg_catalog.current_setting('server_version') AS server_version,
       pg_catalog.current_setting('server_version_num')::integer AS server_version_num,
       pg_catalog.current_database()::text AS database,
       current_user::text AS db_user,
       pg_catalog.pg_is_in_recovery() AS standby,
       pg_catalog.current_setting('max_connections')::integer AS max_connections,
       -- Only a superuser or pg_read_all_settings sees it.
       (SELECT s.setting FROM pg_catalog.pg_settings AS s
         WHERE s.name = 'shared_preload_libraries') AS shared_preload_libraries,
       extract(epoch FROM pg_catalog.clock_timestamp())::double precision AS clock,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_stat_activity AS a
         WHERE a.backend_type = 'client backend') AS connections
