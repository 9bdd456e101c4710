-- The extension owns code and makes the roles; inventory.install() makes the tables.
\echo Use "CREATE EXTENSION pg_inventory" to load this file. \quit

-- Whoever owns the schema owns what the functions, with their owner's rights, take for their tables.
DO $owner$
DECLARE
    stranger pg_catalog.name;
BEGIN
    SELECT r.rolname INTO stranger
      FROM pg_catalog.pg_namespace AS n
      JOIN pg_catalog.pg_roles AS r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
     WHERE n.nspname OPERATOR(pg_catalog.=) 'inventory' AND NOT r.rolsuper;
    IF stranger IS NOT NULL THEN
        RAISE EXCEPTION 'schema inventory belongs to %, who is no superuser', stranger
            USING ERRCODE = 'insufficient_privilege',
                  HINT = 'Look at what is in it, then drop it or make a superuser its owner.';
    END IF;
END
$owner$;

DO $roles$
DECLARE
    role_name pg_catalog.text;
BEGIN
    -- Roles belong to the cluster: keep out other databases that create the extension now.
    LOCK TABLE pg_catalog.pg_authid IN SHARE ROW EXCLUSIVE MODE;
    FOREACH role_name IN ARRAY ARRAY['inventory_reader', 'inventory_operator', 'inventory_admin'] LOOP
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_authid AS r WHERE r.rolname OPERATOR(pg_catalog.=) role_name) THEN
            EXECUTE pg_catalog.format('CREATE ROLE %I NOLOGIN', role_name);
        END IF;
    END LOOP;
    IF NOT pg_catalog.pg_has_role('inventory_operator', 'inventory_reader', 'MEMBER') THEN
        GRANT inventory_reader TO inventory_operator;
    END IF;
    IF NOT pg_catalog.pg_has_role('inventory_admin', 'inventory_operator', 'MEMBER') THEN
        GRANT inventory_operator TO inventory_admin;
    END IF;
END
$roles$;

-- Setting up -----------------------------------------------------------------------------------

CREATE FUNCTION inventory.install(shards integer DEFAULT 16, distributed boolean DEFAULT false)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_install';

CREATE FUNCTION inventory.put_product(
    sku text, name text, low_stock_threshold bigint DEFAULT NULL, lot_controlled boolean DEFAULT false,
    unit text DEFAULT 'each', attributes jsonb DEFAULT '{}',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT created boolean, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_put_product';

CREATE FUNCTION inventory.put_warehouse(
    warehouse_id integer, code text, name text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT created boolean, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_put_warehouse';

CREATE FUNCTION inventory.delete_product(
    sku text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_delete_product';

CREATE FUNCTION inventory.delete_warehouse(
    warehouse_id integer,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_delete_warehouse';

-- Stock in and out -----------------------------------------------------------------------------

CREATE FUNCTION inventory.receive(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL,
    expires_on date DEFAULT NULL, reason text DEFAULT 'receipt',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_receive';

CREATE FUNCTION inventory.deduct(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL, reason text DEFAULT 'sale',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_deduct';

CREATE FUNCTION inventory.try_deduct(
    sku text, qty bigint, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL, reason text DEFAULT 'sale',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_try_deduct';

CREATE FUNCTION inventory.deduct_many(
    request_ids uuid[], skus text[], qtys bigint[], warehouse_ids integer[] DEFAULT NULL, reasons text[] DEFAULT NULL)
RETURNS TABLE (line integer, code text, order_no text, on_hand bigint, available bigint, replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 100
AS 'MODULE_PATHNAME', 'inventory_deduct_many';

CREATE FUNCTION inventory.adjust(
    sku text, delta bigint, reason text, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_adjust';

CREATE FUNCTION inventory.recount(
    sku text, counted bigint, reason text, warehouse_id integer DEFAULT 1, lot text DEFAULT NULL,
    expected_version bigint DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_recount';

CREATE FUNCTION inventory.transfer(
    sku text, qty bigint, from_warehouse integer, to_warehouse integer, lot text DEFAULT NULL, reason text DEFAULT 'transfer',
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL)
RETURNS TABLE (code text, order_no text, on_hand bigint, reserved bigint, available bigint, replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp ROWS 2
AS 'MODULE_PATHNAME', 'inventory_transfer';

-- Order numbers --------------------------------------------------------------------------------

CREATE FUNCTION inventory.next_order_no(warehouse_id integer DEFAULT 1) RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_next_order_no';

CREATE FUNCTION inventory.next_order_id(warehouse_id integer DEFAULT 1) RETURNS bigint
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_next_order_id';

-- Care -----------------------------------------------------------------------------------------

-- One large statement over tables that may never have been analyzed: hashed, not looped over, and
-- not compiled anew on every call.
CREATE FUNCTION inventory.verify()
RETURNS TABLE (check_name text, subject text, expected text, actual text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET work_mem = '64MB' SET jit = off SET enable_nestloop = off
AS 'MODULE_PATHNAME', 'inventory_verify';

-- Rights ---------------------------------------------------------------------------------------

REVOKE ALL ON FUNCTION
    inventory.install, inventory.put_product, inventory.put_warehouse, inventory.delete_product,
    inventory.delete_warehouse, inventory.receive, inventory.deduct, inventory.try_deduct,
    inventory.deduct_many, inventory.adjust, inventory.recount, inventory.transfer,
    inventory.next_order_no, inventory.next_order_id, inventory.verify
FROM PUBLIC;

GRANT USAGE ON SCHEMA inventory TO inventory_reader;
GRANT EXECUTE ON FUNCTION inventory.verify TO inventory_reader;
GRANT EXECUTE ON FUNCTION
    inventory.receive, inventory.deduct, inventory.try_deduct, inventory.deduct_many, inventory.adjust,
    inventory.recount, inventory.transfer, inventory.next_order_no, inventory.next_order_id
TO inventory_operator;
GRANT EXECUTE ON FUNCTION
    inventory.install, inventory.put_product, inventory.put_warehouse, inventory.delete_product,
    inventory.delete_warehouse
TO inventory_admin;
