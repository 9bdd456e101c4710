-- What 0.3.0 adds to 0.2.0: group commit, hot SKUs. Run inventory.install() afterwards: it brings the
-- tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Group commit ---------------------------------------------------------------------------------

CREATE FUNCTION inventory.deduct_now(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL, reason text DEFAULT 'sale',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_deduct_now';

CREATE FUNCTION inventory.reserve_now(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL,
    ttl interval DEFAULT '15 minutes',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT reservation_id uuid, OUT expires_at timestamptz,
    OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_reserve_now';

-- What the committers of this server have done since it started, a row a database that ever had one.
CREATE FUNCTION inventory.group_commit()
RETURNS TABLE (database text, service text, since timestamptz, batches bigint, accepted bigint, refused bigint,
               busy bigint, put_back bigint, broken_batches bigint, largest_batch bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_group_commit';

-- Hot SKUs -------------------------------------------------------------------------------------

-- By hand, until it is taken back by hand.
CREATE FUNCTION inventory.set_hot(
    sku text, hot boolean,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT changed boolean, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_set_hot';

-- Rights ---------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION inventory.deduct_now, inventory.reserve_now, inventory.group_commit, inventory.set_hot FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.group_commit TO inventory_reader;
GRANT EXECUTE ON FUNCTION inventory.deduct_now, inventory.reserve_now TO inventory_operator;
GRANT EXECUTE ON FUNCTION inventory.set_hot TO inventory_admin;
