-- What 0.4.0 adds to 0.3.0: what the gateway needs. Run inventory.install() afterwards: it brings the
-- tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Many commands ----------------------------------------------------------------------------------

CREATE FUNCTION inventory.execute_many(
    kinds text[], request_ids uuid[], skus text[], qtys bigint[],
    warehouse_ids integer[] DEFAULT NULL, lots text[] DEFAULT NULL, expires_on date[] DEFAULT NULL,
    reasons text[] DEFAULT NULL, ttls interval[] DEFAULT NULL,
    operators text[] DEFAULT NULL, trace_ids text[] DEFAULT NULL, wait boolean DEFAULT false)
RETURNS TABLE (line integer, code text, detail text, order_no text, reservation_id uuid, expires_at timestamptz,
               on_hand bigint, reserved bigint, available bigint, replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_execute_many';

-- Leases -----------------------------------------------------------------------------------------

CREATE FUNCTION inventory.take_lease(
    sku text, qty bigint, holder text, purpose text,
    warehouse_id integer DEFAULT 1, ttl interval DEFAULT '5 minutes',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT lease_id uuid, OUT granted bigint, OUT expires_at timestamptz, OUT generation integer,
    OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_take_lease';

CREATE FUNCTION inventory.renew_leases(holder text, lease_ids uuid[], ttl interval)
RETURNS TABLE (lease_id uuid, state text, expires_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_renew_leases';

CREATE FUNCTION inventory.settle_lease(
    lease_id uuid, holder text, request_ids uuid[], qtys bigint[],
    reasons text[] DEFAULT NULL, operators text[] DEFAULT NULL, trace_ids text[] DEFAULT NULL,
    keep boolean DEFAULT true)
RETURNS TABLE (line integer, code text, detail text, order_no text,
               on_hand bigint, reserved bigint, available bigint, replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_settle_lease';

CREATE FUNCTION inventory.return_lease(
    lease_id uuid, holder text,
    OUT lease_id uuid, OUT state text, OUT returned bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_return_lease';

-- By hand only: a holder that is away may still tell of sales.
CREATE FUNCTION inventory.repair_leases(older_than interval)
RETURNS TABLE (lease_id uuid, sku text, warehouse_id integer, holder text, purpose text, returned bigint,
               expires_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_repair_leases';

-- API keys ---------------------------------------------------------------------------------------

CREATE FUNCTION inventory.create_api_key(
    key_id text, name text, role text, key_hash bytea, expires_at timestamptz DEFAULT NULL,
    OUT code text, OUT changed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_create_api_key';

CREATE FUNCTION inventory.api_keys()
RETURNS TABLE (key_id text, name text, role text, key_hash bytea, created_at timestamptz, expires_at timestamptz,
               last_used_at timestamptz, revoked_at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_api_keys';

CREATE FUNCTION inventory.revoke_api_key(
    key_id text,
    OUT code text, OUT changed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_revoke_api_key';

CREATE FUNCTION inventory.touch_api_keys(key_ids text[], used_at timestamptz[])
RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_touch_api_keys';

-- Rights -----------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION
    inventory.execute_many, inventory.take_lease, inventory.renew_leases, inventory.settle_lease,
    inventory.return_lease, inventory.repair_leases,
    inventory.create_api_key, inventory.api_keys, inventory.revoke_api_key, inventory.touch_api_keys
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    inventory.execute_many, inventory.take_lease, inventory.renew_leases, inventory.settle_lease,
    inventory.return_lease
TO inventory_operator;
GRANT EXECUTE ON FUNCTION
    inventory.repair_leases,
    inventory.create_api_key, inventory.api_keys, inventory.revoke_api_key, inventory.touch_api_keys
TO inventory_admin;
