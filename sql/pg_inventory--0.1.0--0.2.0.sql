-- What 0.2.0 adds to 0.1.0: holds, orders, upkeep, care. Run inventory.install() afterwards: it brings
-- the tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Holds ----------------------------------------------------------------------------------------

CREATE FUNCTION inventory.reserve(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL,
    ttl interval DEFAULT '15 minutes',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT reservation_id uuid, OUT expires_at timestamptz,
    OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_reserve';

CREATE FUNCTION inventory.reserve_many(
    request_id uuid, skus text[], qtys bigint[], warehouse_ids integer[] DEFAULT NULL,
    ttl interval DEFAULT '15 minutes', operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT reservation_id uuid, OUT expires_at timestamptz, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_reserve_many';

CREATE FUNCTION inventory.confirm(
    reservation_id uuid, qty bigint DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT reservation_id uuid, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_confirm';

CREATE FUNCTION inventory.release(
    reservation_id uuid, reason text DEFAULT 'released',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT reservation_id uuid, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_release';

-- Orders ---------------------------------------------------------------------------------------

CREATE FUNCTION inventory.create_order(
    direction text, lines jsonb, warehouse_id integer DEFAULT 1, external_ref text DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT order_no text, OUT order_id bigint, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_create_order';

CREATE FUNCTION inventory.start_order(
    order_no text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_start_order';

CREATE FUNCTION inventory.complete_order(
    order_no text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_complete_order';

CREATE FUNCTION inventory.fail_order(
    order_no text, reason text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_fail_order';

CREATE FUNCTION inventory.revert_order(
    order_no text, reason text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_revert_order';

-- Upkeep ---------------------------------------------------------------------------------------

-- What the background worker does, for servers without it: bounded work, a row a job.
CREATE FUNCTION inventory.maintain()
RETURNS TABLE (job text, done bigint, more boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_maintain';

-- One leaf of stock split or joined; true while others are left. The first step of several says where to.
CREATE FUNCTION inventory.reshard_step(shards integer, first boolean) RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_reshard_step';

-- A leaf a transaction, so that nobody waits for more than one, and what is done stays done. Where others
-- keep stock for longer it lets those behind it pass, says for whom it waits, and tries again.
CREATE PROCEDURE inventory.reshard(shards integer)
LANGUAGE plpgsql
AS $reshard$
DECLARE
    first pg_catalog.bool := true;
    more  pg_catalog.bool;
    whom  pg_catalog.text;
    told  pg_catalog.text;
BEGIN
    LOOP
        BEGIN
            more := inventory.reshard_step(shards, first);
            first := false;
        EXCEPTION WHEN lock_not_available THEN
            more := NULL;
        END;
        COMMIT;
        EXIT WHEN NOT more;
        IF more IS NULL THEN
            SELECT pg_catalog.string_agg(pg_catalog.format('session %s of %s (%s, in a transaction since %s)', a.pid, a.usename,
                       coalesce(a.state, 'state unknown'), coalesce(a.xact_start::pg_catalog.text, 'unknown')), ', ')
              INTO whom
              FROM (SELECT s.* FROM pg_catalog.pg_stat_activity AS s
                     WHERE s.pid OPERATOR(pg_catalog.<>) pg_catalog.pg_backend_pid()
                       AND EXISTS (SELECT FROM pg_catalog.pg_locks AS l
                                    WHERE l.pid OPERATOR(pg_catalog.=) s.pid AND l.granted
                                      AND l.relation OPERATOR(pg_catalog.=) 'inventory.stock'::pg_catalog.regclass
                                      AND l.database OPERATOR(pg_catalog.=) (SELECT d.oid FROM pg_catalog.pg_database AS d
                                           WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()))
                       AND coalesce(s.xact_start OPERATOR(pg_catalog.<) pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) '1 second'::pg_catalog.interval, true)
                     ORDER BY s.xact_start LIMIT 3) AS a;
            IF NOT coalesce(whom OPERATOR(pg_catalog.=) told, whom IS NULL) THEN
                RAISE NOTICE 'reshard waits for %', whom;
            END IF;
            told := whom;
            PERFORM pg_catalog.pg_sleep(0.3);
            COMMIT;
        END IF;
    END LOOP;
END
$reshard$;

-- Care -----------------------------------------------------------------------------------------

-- Catalogues are small, its statement is not: compiling it would take longer than running it.
CREATE FUNCTION inventory.doctor()
RETURNS TABLE (topic text, state text, finding text, advice text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
AS 'MODULE_PATHNAME', 'inventory_doctor';

-- Rights ---------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION
    inventory.reserve, inventory.reserve_many, inventory.confirm, inventory.release, inventory.create_order,
    inventory.start_order, inventory.complete_order, inventory.fail_order, inventory.revert_order,
    inventory.maintain, inventory.reshard_step, inventory.doctor
FROM PUBLIC;
REVOKE ALL ON PROCEDURE inventory.reshard FROM PUBLIC;

GRANT EXECUTE ON FUNCTION inventory.doctor TO inventory_reader;
GRANT EXECUTE ON FUNCTION
    inventory.reserve, inventory.reserve_many, inventory.confirm, inventory.release, inventory.create_order,
    inventory.start_order, inventory.complete_order, inventory.fail_order, inventory.revert_order
TO inventory_operator;
GRANT EXECUTE ON FUNCTION inventory.maintain, inventory.reshard_step TO inventory_admin;
GRANT EXECUTE ON PROCEDURE inventory.reshard TO inventory_admin;
