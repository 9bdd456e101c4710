-- What is wrong with a setup, in plain words: a row a finding. All facts come from catalogues, settings and
-- statistics: no table of ours is locked or read, so it answers at once, and where tables are missing.
-- $1: the library's version; $2: the layout it works with; $3: the layout of the tables, if there are any.
WITH
-- The limits, each with its reason.
limits AS MATERIALIZED (
    SELECT
        -- Whoever waits for the goods of an open transaction has long given up by then.
        '1 minute'::interval AS long_transaction,
        -- By then vacuum has lagged behind a busy shop by millions of row versions.
        '1 hour'::interval AS endless_transaction,
        -- Autovacuum comes when dead rows pass its own limit: at three times that it does not get through.
        3 AS vacuums_missed,
        -- Fewer dead rows than this slow nobody down, however small the table.
        10000 AS dead_rows,
        -- Autovacuum freezes at autovacuum_freeze_max_age by force: half as much again and it does not get
        -- through. PostgreSQL stops at 2 billion.
        1.5 AS ages_missed,
        -- Transactions that a standby or a reader of the log may be behind: minutes of the heaviest load.
        5000000 AS slot_age,
        -- Order numbers run ahead by more than a million a second, or when the clock is set back. Daylight
        -- saving and leap seconds are no reason for it.
        3600 AS seconds_ahead,
        -- The sequence of a partition that is half full: at the heaviest load that is a minute or two.
        5000000 AS journal_room,
        -- Of a sequence's or the server's places.
        0.9 AS nearly_all
),
here AS MATERIALIZED (
    SELECT n.oid, n.nspowner, n.nspacl FROM pg_catalog.pg_namespace AS n WHERE n.nspname = 'inventory'
),
thing AS MATERIALIZED (
    SELECT c.*, pg_catalog.format('inventory.%I', c.relname) AS name
      FROM pg_catalog.pg_class AS c
     WHERE c.relnamespace = (SELECT h.oid FROM here AS h)
),
extension AS (
    SELECT e.extversion AS version, a.default_version AS offered,
           pg_catalog.string_to_array(pg_catalog.substring(e.extversion, '^\d+\.\d+\.\d+'), '.')::pg_catalog.int4[]
           < pg_catalog.string_to_array(pg_catalog.substring($1, '^\d+\.\d+\.\d+'), '.')::pg_catalog.int4[] AS behind
      FROM pg_catalog.pg_extension AS e
      LEFT JOIN pg_catalog.pg_available_extensions() AS a ON a.name = e.extname
     WHERE e.extname = 'pg_inventory'
),
-- What the layout is made of, but for the leaves of stock and the partitions of the journal.
expected AS (
    SELECT pg_catalog.unnest('{
        installation, installation_pkey, product, product_pkey, warehouse, warehouse_pkey, warehouse_code_key,
        stock, stock_pkey, stock_low, journal, journal_pkey, journal_history, journal_of_order, journal_default, journal_id, journal_base,
        journal_base_pkey, request, request_pkey, reservation, reservation_pkey, reservation_due, reservation_line,
        reservation_line_pkey, reservation_line_open, orders, orders_pkey, orders_order_no_key, orders_open,
        orders_external, order_line, order_line_pkey, upkeep, upkeep_pkey, products, warehouses, stock_now,
        stock_level, stock_lot, low_stock, audit_log, outbox, reservations, order_status, order_lines, order_history,
        hot_sku, hot_sku_pkey, hot_skus,
        api_key, api_key_pkey, api_key_key_hash_key, lease, lease_pkey, lease_open, leases,
        saga, saga_pkey, saga_due, saga_state, saga_request, saga_step, saga_step_pkey, sagas, saga_steps,
        journal_mark, journal_mark_pkey, event, sink, sink_pkey, relay_cursor, relay_cursor_pkey, relay, relay_pkey,
        outbox_parked, outbox_parked_pkey, outbox_parked_status, parked_events, sinks,
        repair_ticket, repair_ticket_pkey, repair_ticket_listed, repair_ticket_open, repair_ticket_rejected,
        repair_ticket_scope, repair_ticket_subject, repair_ticket_ticket_id_seq, repair_tickets,
        shadow_feed, shadow_feed_pkey, shadow_row, shadow_row_pkey, shadows, shadow_drift
        }'::pg_catalog.name[]) AS name
),
role AS (
    SELECT w.name, r.oid
      FROM (VALUES ('inventory_reader'), ('inventory_operator'), ('inventory_admin')) AS w (name)
      LEFT JOIN pg_catalog.pg_roles AS r ON r.rolname = w.name
),
-- Each function with the least role that may call it.
callable AS MATERIALIZED (
    SELECT p.oid, p.proacl, pg_catalog.format('inventory.%I', p.proname) AS name,
           CASE WHEN p.proname IN ('verify', 'doctor', 'group_commit') THEN 'inventory_reader'
                WHEN p.proname IN ('install', 'put_product', 'put_warehouse', 'delete_product', 'delete_warehouse',
                                   'maintain', 'reshard', 'reshard_step', 'set_hot', 'repair_leases',
                                   'create_api_key', 'api_keys', 'revoke_api_key', 'touch_api_keys',
                                   'put_sink', 'pause_sink', 'resume_sink', 'drop_sink', 'take_turns', 'give_turns',
                                   'save_progress', 'due_events') THEN 'inventory_admin'
                ELSE 'inventory_operator' END AS role,
           -- Of a table: nobody calls it.
           p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype AS guards
      FROM pg_catalog.pg_proc AS p
     WHERE p.pronamespace = (SELECT h.oid FROM here AS h)
),
-- Rights to change tables, all of them or a column, that are not their owner's or a superuser's.
grown AS (
    SELECT g.name, g.privilege, coalesce(r.rolname::pg_catalog.text, 'everybody') AS who
      FROM (SELECT t.name, t.relowner, a.grantee, a.privilege_type AS privilege
              FROM thing AS t, pg_catalog.aclexplode(t.relacl) AS a
            UNION ALL
            SELECT t.name, t.relowner, a.grantee, a.privilege_type
              FROM thing AS t
              JOIN pg_catalog.pg_attribute AS c ON c.attrelid = t.oid
             CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) AS a
            UNION ALL
            SELECT 'schema inventory', h.nspowner, a.grantee, a.privilege_type
              FROM here AS h, pg_catalog.aclexplode(h.nspacl) AS a) AS g
      LEFT JOIN pg_catalog.pg_roles AS r ON r.oid = g.grantee
     WHERE g.grantee <> g.relowner AND NOT coalesce(r.rolsuper, false)
       AND g.privilege NOT IN ('SELECT', 'REFERENCES', 'MAINTAIN', CASE g.name WHEN 'schema inventory' THEN 'USAGE' ELSE '' END)
),
-- When autovacuum comes to a table, and what waits for it.
vacuum AS (
    SELECT t.name, t.relkind, pg_catalog.pg_stat_get_dead_tuples(t.oid) AS dead,
           pg_catalog.pg_stat_get_live_tuples(t.oid) AS live,
           pg_catalog.age(t.relfrozenxid) AS age, pg_catalog.mxid_age(t.relminmxid) AS mxid_age,
           coalesce(o.off, false) AS off,
           coalesce(o.threshold, pg_catalog.current_setting('autovacuum_vacuum_threshold'))::pg_catalog.float8
           + coalesce(o.scale, pg_catalog.current_setting('autovacuum_vacuum_scale_factor'))::pg_catalog.float8
             * greatest(t.reltuples, 0) AS due
      FROM thing AS t
     CROSS JOIN LATERAL (
           SELECT pg_catalog.bool_or(r.option_name = 'autovacuum_enabled' AND NOT r.option_value::pg_catalog.bool) AS off,
                  pg_catalog.max(r.option_value) FILTER (WHERE r.option_name = 'autovacuum_vacuum_threshold') AS threshold,
                  pg_catalog.max(r.option_value) FILTER (WHERE r.option_name = 'autovacuum_vacuum_scale_factor') AS scale
             FROM pg_catalog.pg_options_to_table(t.reloptions) AS r) AS o
     WHERE t.relkind = 'r'
),
counter AS (
    SELECT t.name, t.relname, s.*, pg_catalog.pg_sequence_last_value(t.oid) AS last,
           -- An order number's counter is seconds * 1,000,000 + n, and ends with the year 2262.
           CASE WHEN t.relname = 'journal_id' THEN s.seqmax ELSE least(s.seqmax, 9223372035854775) END AS most,
           CASE WHEN t.relname <> 'journal_id'
                THEN pg_catalog.pg_sequence_last_value(t.oid) / 1000000
                     - extract(epoch FROM pg_catalog.clock_timestamp())::pg_catalog.int8 END AS ahead
      FROM thing AS t
      JOIN pg_catalog.pg_sequence AS s ON s.seqrelid = t.oid
     WHERE t.relname = 'journal_id' OR t.relname ~ '^order_number_[0-9]{3}$'
),
-- How many more movements the journal's partitions have room for.
room AS (
    SELECT pg_catalog.max(b.part[1]::pg_catalog.int8) - coalesce(pg_catalog.max(c.last), 0) AS movements
      FROM thing AS p
      JOIN pg_catalog.pg_inherits AS i ON i.inhrelid = p.oid
      JOIN thing AS t ON t.oid = i.inhparent AND t.relname = 'journal'
     -- Without the table's own oid: with it, PostgreSQL would lock the table to look for its columns.
     CROSS JOIN LATERAL pg_catalog.regexp_match(pg_catalog.pg_get_expr(p.relpartbound, 0),
           ' TO \(''?([0-9]+)''?\)') AS b (part)
      LEFT JOIN counter AS c ON c.relname = 'journal_id'
     WHERE b.part IS NOT NULL
),
-- Who has a transaction open for long, and how many wait for it.
waiting AS MATERIALIZED (
    SELECT w.pid, pg_catalog.pg_blocking_pids(w.pid) AS blockers
      FROM (SELECT a.pid FROM pg_catalog.pg_stat_activity AS a
             WHERE a.datname = pg_catalog.current_database() AND a.wait_event_type = 'Lock' LIMIT 100) AS w
),
open AS (
    SELECT a.pid, a.usename, a.application_name, a.state, a.xact_start, l.endless_transaction,
           (SELECT pg_catalog.count(*) FROM waiting AS w WHERE a.pid = ANY (w.blockers)) AS waiting
      FROM pg_catalog.pg_stat_activity AS a, limits AS l
     WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()
       AND a.backend_type <> 'autovacuum worker'
       AND a.xact_start < pg_catalog.clock_timestamp() - l.long_transaction
     ORDER BY a.xact_start LIMIT 10
)
-- Versions.
SELECT 'version' AS topic, 'problem' AS state,
       pg_catalog.format('the functions of this database are of version %s, the library is %s', e.version, $1) AS finding,
       CASE WHEN e.behind THEN 'Run ALTER EXTENSION pg_inventory UPDATE, then SELECT inventory.install().'
            ELSE 'The server still runs the old library: restart it, or let sessions connect anew.' END AS advice
  FROM extension AS e WHERE e.version <> $1
UNION ALL
SELECT 'version', 'note', pg_catalog.format('version %s lies on the server, this database is at %s', e.offered, e.version),
       'Restart the server, then run ALTER EXTENSION pg_inventory UPDATE and SELECT inventory.install().'
  FROM extension AS e WHERE e.version = $1 AND e.offered <> e.version
UNION ALL
-- The tables.
SELECT 'layout', 'problem', 'the tables are missing', 'Run SELECT inventory.install().'
 WHERE $3 IS NULL
UNION ALL
SELECT 'layout', 'problem', pg_catalog.format('the tables have layout %s, this library works with %s', $3, $2),
       CASE WHEN $3 < $2 THEN 'Run SELECT inventory.install().' ELSE 'Install the version that made them, or a later one.' END
 WHERE $3 <> $2
UNION ALL
SELECT 'layout', 'problem', 'missing: ' || pg_catalog.string_agg('inventory.' || e.name, ', ' ORDER BY e.name),
       'Bring it back from a backup, or as sql/layout has it: install() makes nothing anew that was there.'
  FROM expected AS e
 WHERE $3 = $2 AND NOT EXISTS (SELECT FROM thing AS t WHERE t.relname = e.name)
HAVING pg_catalog.count(*) > 0
UNION ALL
SELECT 'layout', 'problem', pg_catalog.format('nothing holds %s to their states: the trigger on inventory.%s is off or gone', w.what, t.relname),
       pg_catalog.format('Run ALTER TABLE inventory.%s ENABLE TRIGGER %s.', t.relname, w.guard)
  FROM (VALUES ('orders', 'orders', 'orders_keep_to_their_states'),
               ('saga_step', 'steps of sagas', 'saga_steps_stay_answered')) AS w (relation, what, guard)
  JOIN thing AS t ON t.relname = w.relation
 WHERE $3 = $2
   AND NOT EXISTS (SELECT FROM pg_catalog.pg_trigger AS g
                    WHERE g.tgrelid = t.oid AND g.tgname = w.guard AND g.tgenabled IN ('O', 'A'))
UNION ALL
SELECT 'layout', 'problem', pg_catalog.format('index %s is not valid: nothing is looked up by it', t.name),
       pg_catalog.format('Run REINDEX INDEX CONCURRENTLY %s.', t.name)
  FROM thing AS t
  JOIN pg_catalog.pg_index AS i ON i.indexrelid = t.oid
 WHERE NOT i.indisvalid
UNION ALL
SELECT 'layout', 'problem', pg_catalog.format('%s is unlogged: a crash empties it', t.name),
       pg_catalog.format('Run ALTER %s %s SET LOGGED.', CASE t.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, t.name)
  FROM thing AS t WHERE t.relpersistence = 'u' AND t.relkind IN ('r', 'S')
UNION ALL
SELECT 'layout', 'ok', pg_catalog.format('layout %s, %s leaves of stock', $3, pg_catalog.count(*)), ''
  FROM thing AS t
  JOIN pg_catalog.pg_inherits AS i ON i.inhparent = t.oid
 WHERE $3 = $2 AND t.relname = 'stock'
UNION ALL
-- Rights.
SELECT 'rights', 'problem', pg_catalog.format('role %s is missing', r.name),
       pg_catalog.format('Run CREATE ROLE %s NOLOGIN, grant it what sql/ grants it, and the roles to each other.', r.name)
  FROM role AS r WHERE r.oid IS NULL
UNION ALL
SELECT 'rights', 'problem', pg_catalog.format('%s does not have the rights of %s', more.name, less.name),
       pg_catalog.format('Run GRANT %s TO %s.', less.name, more.name)
  FROM (VALUES ('inventory_operator', 'inventory_reader'), ('inventory_admin', 'inventory_operator')) AS n (more, less)
  JOIN role AS more ON more.name = n.more
  JOIN role AS less ON less.name = n.less
 WHERE NOT pg_catalog.pg_has_role(more.oid, less.oid, 'USAGE')
UNION ALL
SELECT 'rights', 'problem', 'everybody may call ' || pg_catalog.string_agg(c.name, ', ' ORDER BY c.name),
       'Run REVOKE ALL ON ALL ROUTINES IN SCHEMA inventory FROM PUBLIC.'
  FROM callable AS c
 WHERE c.proacl IS NULL OR EXISTS (SELECT FROM pg_catalog.aclexplode(c.proacl) AS a WHERE a.grantee = 0)
HAVING pg_catalog.count(*) > 0
UNION ALL
SELECT 'rights', 'problem', pg_catalog.format('%s may not call %s', c.role, pg_catalog.string_agg(c.name, ', ' ORDER BY c.name)),
       pg_catalog.format('Run GRANT EXECUTE ON ROUTINE %s TO %s.', pg_catalog.string_agg(c.name, ', ' ORDER BY c.name), c.role)
  FROM callable AS c
  JOIN role AS r ON r.name = c.role
 WHERE NOT c.guards AND NOT pg_catalog.has_function_privilege(r.oid, c.oid, 'EXECUTE')
 GROUP BY c.role
UNION ALL
SELECT 'rights', 'problem', 'inventory_reader may not read ' || pg_catalog.string_agg(t.name, ', ' ORDER BY t.name),
       pg_catalog.format('Run GRANT SELECT ON %s TO inventory_reader.', pg_catalog.string_agg(t.name, ', ' ORDER BY t.name))
  FROM thing AS t
  JOIN role AS r ON r.name = 'inventory_reader'
 WHERE t.relkind = 'v' AND t.relname IN (SELECT e.name FROM expected AS e)
   AND NOT pg_catalog.has_table_privilege(r.oid, t.oid, 'SELECT')
HAVING pg_catalog.count(*) > 0
UNION ALL
SELECT 'rights', 'problem', 'inventory_reader may not use schema inventory',
       'Run GRANT USAGE ON SCHEMA inventory TO inventory_reader.'
  FROM here AS h
  JOIN role AS r ON r.name = 'inventory_reader'
 WHERE NOT pg_catalog.has_schema_privilege(r.oid, h.oid, 'USAGE')
UNION ALL
SELECT 'rights', 'problem', pg_catalog.format('%s has %s on %s: that goes past the engine', g.who,
           pg_catalog.string_agg(DISTINCT g.privilege, ', '), g.name),
       pg_catalog.format('Run REVOKE %s ON %s FROM %s.', pg_catalog.string_agg(DISTINCT g.privilege, ', '), g.name,
           CASE g.who WHEN 'everybody' THEN 'PUBLIC' ELSE pg_catalog.quote_ident(g.who) END)
  FROM grown AS g
 GROUP BY g.who, g.name
UNION ALL
SELECT 'rights', 'problem', pg_catalog.format('schema inventory belongs to %I, who is no superuser', r.rolname),
       'Its owner can replace what is in it. Make a superuser its owner: ALTER SCHEMA inventory OWNER TO …'
  FROM here AS h
  JOIN pg_catalog.pg_roles AS r ON r.oid = h.nspowner
 WHERE NOT r.rolsuper
UNION ALL
-- The journal's partitions.
SELECT 'journal', 'problem', 'the last partition is full: movements go to the default one, which is never dropped',
       'Preload the library, or call inventory.maintain() every minute: it opens the next ones.'
  FROM room AS r WHERE r.movements <= 0
UNION ALL
SELECT 'journal', 'note', pg_catalog.format('its partitions have room for %s more movements only', r.movements),
       'Preload the library, or call inventory.maintain() every minute: it opens the next ones.'
  FROM room AS r, limits AS l WHERE r.movements > 0 AND r.movements < l.journal_room
UNION ALL
-- Sequences.
SELECT 'sequences', 'problem',
       pg_catalog.format('%s is not as it was made: %s', c.name, pg_catalog.concat_ws(', ',
           CASE WHEN c.seqtypid <> 'pg_catalog.int8'::pg_catalog.regtype THEN 'no bigint' END,
           CASE WHEN c.seqincrement <> 1 THEN 'INCREMENT ' || c.seqincrement END,
           CASE WHEN c.seqcache <> 1 THEN 'CACHE ' || c.seqcache END,
           CASE WHEN c.seqcycle THEN 'CYCLE' END,
           CASE WHEN c.seqmax < 9223372036854775807 THEN 'MAXVALUE ' || c.seqmax END)),
       pg_catalog.format('Numbers would come out of order, twice, or not at all. Run ALTER SEQUENCE %s AS bigint INCREMENT 1 CACHE 1 NO CYCLE NO MAXVALUE.', c.name)
  FROM counter AS c
 WHERE c.seqtypid <> 'pg_catalog.int8'::pg_catalog.regtype OR c.seqincrement <> 1 OR c.seqcache <> 1 OR c.seqcycle
    OR c.seqmax < 9223372036854775807
UNION ALL
SELECT 'sequences', 'problem', pg_catalog.format('%s nears its end: %s of %s', c.name, c.last, c.most),
       'Every command will fail at its end. Find out who set it so far.'
  FROM counter AS c, limits AS l WHERE c.last > l.nearly_all * c.most
UNION ALL
SELECT 'sequences', 'note', pg_catalog.format('%s is ahead of the clock by %s', c.name, c.ahead * '1 second'::interval),
       'Numbers stay unique and rising, but bear a later time than the orders. Set the clock right, if it is not.'
  FROM counter AS c, limits AS l
 WHERE c.ahead > l.seconds_ahead AND c.last <= l.nearly_all * c.most
UNION ALL
-- Vacuum.
SELECT 'vacuum', 'problem', pg_catalog.format('the setting %s is off', s.name),
       pg_catalog.format('Set %s = on: tables of a busy shop grow without end.', s.name)
  FROM (VALUES ('autovacuum'), ('track_counts')) AS s (name)
 WHERE pg_catalog.current_setting(s.name) = 'off'
UNION ALL
SELECT 'vacuum', 'problem', 'autovacuum is off for ' || pg_catalog.string_agg(v.name, ', ' ORDER BY v.name),
       'Run ALTER TABLE … RESET (autovacuum_enabled).'
  FROM vacuum AS v WHERE v.off HAVING pg_catalog.count(*) > 0
UNION ALL
SELECT 'vacuum', 'note', pg_catalog.format('%s has %s dead rows beside %s live ones', v.name, v.dead, v.live),
       pg_catalog.format('Run VACUUM %s. If they come again, look at the topic transactions, or let autovacuum work harder.', v.name)
  FROM vacuum AS v, limits AS l
 WHERE v.dead > l.dead_rows AND v.dead > l.vacuums_missed * v.due
UNION ALL
SELECT 'vacuum', 'problem', pg_catalog.format('%s is %s transactions behind with freezing', o.name, o.age),
       pg_catalog.format('PostgreSQL stops at 2 billion. Run VACUUM (FREEZE) %s, and look for what kept autovacuum from it.', o.what)
  FROM (SELECT v.name, v.name AS what, v.age, v.mxid_age FROM vacuum AS v
        UNION ALL
        SELECT pg_catalog.format('database %I', d.datname), 'in it', pg_catalog.age(d.datfrozenxid), pg_catalog.mxid_age(d.datminmxid)
          FROM pg_catalog.pg_database AS d WHERE d.datallowconn) AS o (name, what, age, mxid_age), limits AS l
 WHERE o.age > l.ages_missed * pg_catalog.current_setting('autovacuum_freeze_max_age')::pg_catalog.int8
    OR o.mxid_age > l.ages_missed * pg_catalog.current_setting('autovacuum_multixact_freeze_max_age')::pg_catalog.int8
UNION ALL
-- What keeps rows locked, or dead ones from vacuum.
SELECT 'transactions', CASE WHEN o.waiting > 0 OR o.xact_start < pg_catalog.clock_timestamp() - o.endless_transaction
                            THEN 'problem' ELSE 'note' END,
       pg_catalog.format('session %s of %I (%s) has a transaction open since %s, %s%s', o.pid, o.usename, o.application_name,
           pg_catalog.to_char(o.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"'), o.state,
           CASE WHEN o.waiting > 0 THEN pg_catalog.format('; %s sessions wait for it', o.waiting) END),
       pg_catalog.format('Rows it changed stay locked, and dead rows stay. If nobody needs it: SELECT pg_terminate_backend(%s).', o.pid)
  FROM open AS o
UNION ALL
SELECT 'transactions', CASE WHEN p.prepared < pg_catalog.clock_timestamp() - l.endless_transaction THEN 'problem' ELSE 'note' END,
       pg_catalog.format('transaction %L of %I is prepared since %s, and neither committed nor rolled back', p.gid, p.owner,
           pg_catalog.to_char(p.prepared AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS "UTC"')),
       pg_catalog.format('It keeps its locks over restarts. Run COMMIT PREPARED or ROLLBACK PREPARED %L.', p.gid)
  FROM pg_catalog.pg_prepared_xacts AS p, limits AS l
 WHERE p.database = pg_catalog.current_database() AND p.prepared < pg_catalog.clock_timestamp() - l.long_transaction
UNION ALL
SELECT 'transactions', 'note',
       pg_catalog.format('%s %s dead rows of the last %s transactions%s', k.what,
           CASE WHEN k.active THEN 'keeps' ELSE 'has no reader, and keeps' END, coalesce(k.age, 0), ', and WAL from ' || k.wal || ' on'),
       k.advice
  FROM (SELECT pg_catalog.format('replication slot %I', r.slot_name), r.active, r.restart_lsn,
               greatest(pg_catalog.age(r.xmin), pg_catalog.age(r.catalog_xmin)),
               pg_catalog.format('If nobody comes back for it: SELECT pg_drop_replication_slot(%L).', r.slot_name)
          FROM pg_catalog.pg_replication_slots AS r WHERE NOT r.temporary AND r.restart_lsn IS NOT NULL
        UNION ALL
        SELECT pg_catalog.format('standby %s (session %s of %I)', r.application_name, r.pid, r.usename), true, NULL,
               pg_catalog.age(r.backend_xmin), 'A query there runs for long: end it, or set hot_standby_feedback = off there.'
          FROM pg_catalog.pg_stat_replication AS r) AS k (what, active, wal, age, advice), limits AS l
 WHERE NOT k.active OR k.age > l.slot_age
UNION ALL
-- Settings.
SELECT 'durability', 'problem', pg_catalog.format('%s is off: a power cut can destroy the database', s.name),
       pg_catalog.format('Set %s = on. Off is for throw-away servers.', s.name)
  FROM (VALUES ('fsync'), ('full_page_writes')) AS s (name)
 WHERE pg_catalog.current_setting(s.name) = 'off'
UNION ALL
SELECT 'durability', 'note', 'synchronous_commit is off: a crash can lose the last answers that were given',
       'Set synchronous_commit = on, unless the last half second may be lost.'
 WHERE pg_catalog.current_setting('synchronous_commit') = 'off'
UNION ALL
SELECT 'isolation', 'note', pg_catalog.format('default_transaction_isolation is %s', pg_catalog.current_setting('default_transaction_isolation')),
       'Commands that meet then fail with 40001 instead of waiting. READ COMMITTED is as safe here: set it, or let callers repeat.'
 WHERE pg_catalog.current_setting('default_transaction_isolation') IN ('repeatable read', 'serializable')
UNION ALL
SELECT 'connections', CASE WHEN u.used > l.nearly_all * u.most THEN 'note' ELSE 'ok' END,
       pg_catalog.format('%s of %s connections are in use', u.used, u.most),
       CASE WHEN u.used > l.nearly_all * u.most THEN 'Put a pooler such as pgbouncer in front, or raise max_connections.' ELSE '' END
  FROM (SELECT pg_catalog.count(*) AS used, pg_catalog.current_setting('max_connections')::pg_catalog.int8 AS most
          FROM pg_catalog.pg_stat_activity AS a WHERE a.backend_type = 'client backend') AS u, limits AS l
UNION ALL
-- What grows.
SELECT 'growth', 'ok',
       pg_catalog.format('as of the last vacuum: %s', pg_catalog.string_agg(g.name || ' ' || pg_catalog.pg_size_pretty(g.bytes), ', ' ORDER BY g.bytes DESC)), ''
  FROM (SELECT CASE WHEN t.relname ~ '^stock_' THEN 'stock' WHEN t.relname ~ '^journal_' AND t.relname <> 'journal_base' THEN 'journal'
                    ELSE t.relname::pg_catalog.text END AS name,
               pg_catalog.sum(t.relpages)::pg_catalog.int8 * pg_catalog.current_setting('block_size')::pg_catalog.int8 AS bytes
          FROM thing AS t WHERE t.relkind = 'r' GROUP BY 1) AS g
 WHERE g.bytes > 0 HAVING pg_catalog.count(*) > 0
