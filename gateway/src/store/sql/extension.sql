-- What is there before anything of ours can be called: no row where the server lacks the files.
SELECT a.default_version, a.installed_version,
       -- From the catalogue: to_regclass fails for users without rights on the schema.
       EXISTS (SELECT FROM pg_catalog.pg_class AS c
                 JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                WHERE n.nspname = 'inventory' AND c.relname = 'installation') AS has_tables
  FROM pg_catalog.pg_available_extensions AS a
 WHERE a.name = 'pg_inventory'
