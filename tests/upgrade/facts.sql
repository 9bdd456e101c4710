-- Everything the catalogue knows about the schema and the extension, a line a fact, without oids: two
-- databases with the same lines are made the same. Run with an empty search_path, so that all names are
-- in full.
--
-- Left out, because it differs harmlessly between a table that was made and one that was restored:
-- the names of NOT NULL constraints (18 has them in the catalogue; a restored leaf has one of its own, a
-- leaf that was made has its parent's), whether a leaf's key would be inherited by tables below it, of
-- which there are none, marks that some builds of PostgreSQL leave among a column's options (pg_attver),
-- the order of entries in an ACL (rights are compared one by one), and whether rows
-- from before a column have its default stored (atthasmissing).
WITH
here AS (SELECT n.oid AS schema FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'inventory'),
relation AS (
    SELECT c.*, c.oid::pg_catalog.regclass::text AS name FROM pg_catalog.pg_class AS c WHERE c.relnamespace = (SELECT schema FROM here)
),
routine AS (
    SELECT p.*, p.oid::pg_catalog.regprocedure::text AS name FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = (SELECT schema FROM here)
),
member AS (
    SELECT d.classid, d.objid, pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) AS name
      FROM pg_catalog.pg_depend AS d
     WHERE d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND d.deptype = 'e'
       AND d.refobjid = (SELECT e.oid FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_inventory')
),
-- Rights as they count: NULL stands for the owner's own.
grants AS (
    SELECT 'schema' AS kind, n.nspname::text AS name, coalesce(n.nspacl, pg_catalog.acldefault('n', n.nspowner)) AS acl
      FROM pg_catalog.pg_namespace AS n WHERE n.oid = (SELECT schema FROM here)
    UNION ALL
    SELECT 'relation', r.name,
           coalesce(r.relacl, pg_catalog.acldefault((CASE r.relkind WHEN 'S' THEN 's' ELSE 'r' END)::"char", r.relowner))
      FROM relation AS r WHERE r.relkind NOT IN ('i', 'I')
    UNION ALL
    SELECT 'column', r.name || '.' || a.attname, a.attacl
      FROM relation AS r JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid WHERE a.attacl IS NOT NULL
    UNION ALL
    SELECT 'routine', p.name, coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner)) FROM routine AS p
    UNION ALL
    SELECT 'initial of ' || m.name, i.privtype::text, i.initprivs
      FROM member AS m JOIN pg_catalog.pg_init_privs AS i ON i.classoid = m.classid AND i.objoid = m.objid
    UNION ALL
    SELECT 'default', d.defaclobjtype::text, d.defaclacl
      FROM pg_catalog.pg_default_acl AS d WHERE d.defaclnamespace IN (0, (SELECT schema FROM here))
),
fact (kind, name, says) AS (
    SELECT 'extension', e.extname::text,
           pg_catalog.jsonb_build_object('version', e.extversion, 'relocatable', e.extrelocatable, 'configuration', e.extconfig,
               'owner', e.extowner::pg_catalog.regrole, 'schema', e.extnamespace::pg_catalog.regnamespace)
      FROM pg_catalog.pg_extension AS e WHERE e.extname = 'pg_inventory'
    UNION ALL
    SELECT 'member', m.name, NULL FROM member AS m
    UNION ALL
    SELECT 'schema', n.nspname::text, pg_catalog.to_jsonb(n.nspowner::pg_catalog.regrole)
      FROM pg_catalog.pg_namespace AS n WHERE n.oid = (SELECT schema FROM here)
    UNION ALL
    SELECT 'grant', g.kind || ' ' || g.name || ': ' || coalesce(nullif(a.grantee, 0)::pg_catalog.regrole::text, 'PUBLIC')
           || ' ' || a.privilege_type,
           pg_catalog.jsonb_build_object('by', a.grantor::pg_catalog.regrole, 'grantable', a.is_grantable)
      FROM grants AS g CROSS JOIN LATERAL pg_catalog.aclexplode(g.acl) AS a
    UNION ALL
    -- Functions and procedures, with their bodies.
    SELECT 'routine', p.name,
           pg_catalog.to_jsonb(p) - ARRAY['oid', 'name', 'pronamespace', 'proowner', 'prolang', 'provariadic', 'prorettype',
               'proargtypes', 'proallargtypes', 'proargdefaults', 'protrftypes', 'prosupport', 'proacl', 'prosqlbody']
           || pg_catalog.jsonb_build_object('owner', p.proowner::pg_catalog.regrole,
               'language', (SELECT l.lanname FROM pg_catalog.pg_language AS l WHERE l.oid = p.prolang),
               'arguments', pg_catalog.pg_get_function_arguments(p.oid), 'result', pg_catalog.pg_get_function_result(p.oid))
      FROM routine AS p
    UNION ALL
    -- Tables, leaves, views, sequences, indexes.
    SELECT 'relation', r.name,
           pg_catalog.jsonb_build_object('kind', r.relkind, 'persistence', r.relpersistence, 'options', r.reloptions,
               'owner', r.relowner::pg_catalog.regrole, 'row security', r.relrowsecurity, 'forced', r.relforcerowsecurity,
               'replica identity', r.relreplident, 'tablespace', r.reltablespace, 'toasted', r.reltoastrelid <> 0,
               'method', (SELECT a.amname FROM pg_catalog.pg_am AS a WHERE a.oid = r.relam),
               'toast options', (SELECT t.reloptions FROM pg_catalog.pg_class AS t WHERE t.oid = r.reltoastrelid),
               'parent', (SELECT i.inhparent::pg_catalog.regclass FROM pg_catalog.pg_inherits AS i WHERE i.inhrelid = r.oid),
               'leaf', r.relispartition, 'bounds', pg_catalog.pg_get_expr(r.relpartbound, r.oid),
               'key', CASE r.relkind WHEN 'p' THEN pg_catalog.pg_get_partkeydef(r.oid) END,
               'view', CASE r.relkind WHEN 'v' THEN pg_catalog.pg_get_viewdef(r.oid) END)
      FROM relation AS r
    UNION ALL
    SELECT 'column', r.name || '.' || a.attname,
           pg_catalog.to_jsonb(a) - ARRAY['attrelid', 'attname', 'atttypid', 'attnum', 'attcollation', 'attacl', 'atthasmissing',
               'attmissingval', 'attcacheoff', 'attoptions']
           || pg_catalog.jsonb_build_object('type', pg_catalog.format_type(a.atttypid, a.atttypmod),
               'collation', nullif(a.attcollation, 0)::pg_catalog.regcollation,
               'options', (SELECT pg_catalog.array_agg(o.text) FROM pg_catalog.unnest(a.attoptions) AS o (text)
                            WHERE o.text NOT LIKE 'pg_attver=%'),
               'default', pg_catalog.pg_get_expr(d.adbin, d.adrelid),
               'place', pg_catalog.rank() OVER (PARTITION BY a.attrelid ORDER BY a.attnum))
      FROM relation AS r
      JOIN pg_catalog.pg_attribute AS a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_catalog.pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    UNION ALL
    SELECT 'constraint', r.name || ' ' || CASE c.contype WHEN 'n' THEN '' ELSE c.conname END,
           pg_catalog.to_jsonb(pg_catalog.pg_get_constraintdef(c.oid)
               || CASE WHEN c.convalidated THEN '' ELSE ' not validated' END || CASE WHEN c.conislocal THEN ' local' ELSE '' END
               || CASE WHEN c.connoinherit AND c.contype NOT IN ('p', 'u') THEN ' not inherited' ELSE '' END || ' from parents: ' || c.coninhcount)
      FROM relation AS r JOIN pg_catalog.pg_constraint AS c ON c.conrelid = r.oid
    UNION ALL
    SELECT 'index', i.indexrelid::pg_catalog.regclass::text,
           pg_catalog.to_jsonb(i) - ARRAY['indexrelid', 'indrelid', 'indkey', 'indcollation', 'indclass', 'indexprs', 'indpred', 'indcheckxmin']
           || pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_indexdef(i.indexrelid))
      FROM relation AS r JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid
    UNION ALL
    SELECT 'sequence', r.name, pg_catalog.to_jsonb(s) - ARRAY['seqrelid']
      FROM relation AS r JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = r.oid
    UNION ALL
    SELECT 'trigger', r.name || ' ' || t.tgname,
           pg_catalog.jsonb_build_object('definition', pg_catalog.pg_get_triggerdef(t.oid), 'enabled', t.tgenabled, 'internal', t.tgisinternal)
      FROM relation AS r JOIN pg_catalog.pg_trigger AS t ON t.tgrelid = r.oid
    UNION ALL
    SELECT 'rule', r.name || ' ' || w.rulename, pg_catalog.to_jsonb(pg_catalog.pg_get_ruledef(w.oid))
      FROM relation AS r JOIN pg_catalog.pg_rewrite AS w ON w.ev_class = r.oid
    UNION ALL
    SELECT 'policy', r.name || ' ' || p.polname, NULL
      FROM relation AS r JOIN pg_catalog.pg_policy AS p ON p.polrelid = r.oid
    UNION ALL
    SELECT 'statistics', s.stxname::text, pg_catalog.to_jsonb(pg_catalog.pg_get_statisticsobjdef(s.oid))
      FROM pg_catalog.pg_statistic_ext AS s WHERE s.stxnamespace = (SELECT schema FROM here)
    UNION ALL
    SELECT 'type', t.oid::pg_catalog.regtype::text, pg_catalog.jsonb_build_object('owner', t.typowner::pg_catalog.regrole, 'acl', t.typacl)
      FROM pg_catalog.pg_type AS t WHERE t.typnamespace = (SELECT schema FROM here)
    UNION ALL
    SELECT 'comment', o.name, pg_catalog.to_jsonb(d.description)
      FROM pg_catalog.pg_description AS d
     CROSS JOIN LATERAL (SELECT pg_catalog.pg_describe_object(d.classoid, d.objoid, d.objsubid) AS name) AS o
     WHERE o.name LIKE '%inventory%'
    UNION ALL
    SELECT 'role', m.roleid::pg_catalog.regrole || ' of ' || m.member::pg_catalog.regrole, pg_catalog.to_jsonb(m.admin_option)
      FROM pg_catalog.pg_auth_members AS m WHERE m.roleid::pg_catalog.regrole::text LIKE 'inventory%'
)
SELECT f.kind || ' ' || f.name || coalesce(': ' || f.says::text, '') FROM fact AS f ORDER BY 1
