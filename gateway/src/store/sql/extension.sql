-- What is there before anything of ours can be called: no row where the server lacks the files.
SELECT a.default_version, a.installed_version,
       pg_catalog.to_regclass('inventory.installation') IS NOT NULL AS has_tables
  FROM pg_catalog.pg_available_extensions AS a
 WHERE a.name = 'pg_inventory'
