SELECT r.rolname::text AS role
  FROM pg_catalog.pg_roles AS r
 WHERE r.rolname IN ('inventory_reader', 'inventory_operator', 'inventory_admin')
   AND pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
 ORDER BY r.rolname
