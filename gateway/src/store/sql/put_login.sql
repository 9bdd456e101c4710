-- The statements that make a role that may log in, or give one that is there a new password.
SELECT pg_catalog.format(
           CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_roles AS r WHERE r.rolname = $1)
                THEN 'ALTER ROLE %1$I LOGIN PASSWORD %2$L' ELSE 'CREATE ROLE %1$I LOGIN PASSWORD %2$L' END
           || '; GRANT %3$I TO %1$I', $1::text, $2::text, $3::text) AS statements
