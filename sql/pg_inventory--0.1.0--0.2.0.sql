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

-- One leaf of stock is split, or two are joined, after at most so many milliseconds in line; without them
-- it only says where to. `more` while others are left; `waits_for` names who keeps stock, where that is in
-- the way. An autovacuum in the way is cancelled as soon as it is noticed.
CREATE FUNCTION inventory.reshard_step(
    shards integer, patience integer DEFAULT NULL, OUT more boolean, OUT waits_for text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET lock_timeout = '0' SET deadlock_timeout = '10ms'
AS 'MODULE_PATHNAME', 'inventory_reshard_step';

-- A leaf a transaction, so that nobody waits for more than one, and what is done stays done; in between it
-- rests as long as it worked. Where others are in the way it lets those behind it pass, says for whom it
-- waits, and tries again.
CREATE PROCEDURE inventory.reshard(shards integer)
LANGUAGE plpgsql
AS $reshard$
DECLARE
    patience pg_catalog.int4;
    pause    pg_catalog.float8 := 0;
    begun    pg_catalog.timestamptz;
    more     pg_catalog.bool;
    whom     pg_catalog.text;
    told     pg_catalog.text;
BEGIN
    LOOP
        COMMIT;
        SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
        PERFORM pg_catalog.pg_sleep(pause);
        begun := pg_catalog.clock_timestamp();
        BEGIN
            SELECT s.more, s.waits_for INTO more, whom FROM inventory.reshard_step(shards, patience) AS s;
            EXIT WHEN NOT more;
            patience := 100;
        EXCEPTION WHEN lock_not_available THEN
            patience := patience OPERATOR(pg_catalog.+) 100;
        END;
        pause := CASE WHEN whom IS NULL
                      THEN extract(epoch FROM pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) begun) ELSE 0.3 END;
        IF NOT coalesce(whom OPERATOR(pg_catalog.=) told, whom IS NULL) THEN
            RAISE NOTICE 'reshard waits for %', whom;
        END IF;
        told := whom;
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
