-- What 0.5.0 adds to 0.4.0: events and sagas. Run inventory.install() afterwards: it brings the
-- tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Sinks and what they are told ---------------------------------------------------------------------

CREATE FUNCTION inventory.events_now() RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_events_now';

CREATE FUNCTION inventory.read_events(cursor text DEFAULT NULL, max_events integer DEFAULT 1000)
RETURNS TABLE (cursor text, id bigint, generation integer, event_type text, sku text, warehouse_id integer,
               payload jsonb, trace_id text, at timestamptz)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_read_events';

REVOKE ALL ON FUNCTION
    inventory.events_now, inventory.read_events
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    inventory.events_now, inventory.read_events
TO inventory_operator;

-- Sagas ------------------------------------------------------------------------------------------
