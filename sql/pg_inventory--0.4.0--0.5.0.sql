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

CREATE FUNCTION inventory.put_sink(
    name text, target text, from_beginning boolean DEFAULT false,
    OUT code text, OUT created boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_put_sink';

CREATE FUNCTION inventory.pause_sink(
    name text,
    OUT code text, OUT changed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_pause_sink';

CREATE FUNCTION inventory.resume_sink(
    name text, skip boolean DEFAULT false,
    OUT code text, OUT changed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_resume_sink';

CREATE FUNCTION inventory.drop_sink(
    name text,
    OUT code text, OUT changed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_drop_sink';

-- A relay says that it is there, and hears which sinks are its own: those that it has, and its share of those that
-- nobody has.
CREATE FUNCTION inventory.take_turns(relay text, lease interval DEFAULT '30 seconds')
RETURNS TABLE (sink text, target text, cursor text, turn bigint, give_back boolean, source uuid)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_take_turns';

CREATE FUNCTION inventory.give_turns(relay text, sink text DEFAULT NULL) RETURNS integer
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_give_turns';

-- What came of a round, all or nothing; false where the turn is over, and then nothing is saved.
CREATE FUNCTION inventory.save_progress(
    sink text, turn bigint, cursor text DEFAULT NULL, delivered bigint DEFAULT 0, settled bigint[] DEFAULT NULL,
    park_ids bigint[] DEFAULT NULL, park_skus text[] DEFAULT NULL, park_attempts integer[] DEFAULT NULL,
    park_waits interval[] DEFAULT NULL, park_errors text[] DEFAULT NULL, failure text DEFAULT NULL)
RETURNS boolean
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_save_progress';

CREATE FUNCTION inventory.due_events(sink text, max_events integer DEFAULT 1000)
RETURNS TABLE (id bigint, generation integer, event_type text, sku text, payload jsonb, trace_id text, at timestamptz,
               attempts integer, due boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_due_events';

CREATE FUNCTION inventory.redrive(
    event_id bigint, sink text DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT changed boolean, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_redrive';

REVOKE ALL ON FUNCTION
    inventory.events_now, inventory.read_events, inventory.put_sink, inventory.pause_sink, inventory.resume_sink,
    inventory.drop_sink, inventory.take_turns, inventory.give_turns, inventory.save_progress, inventory.due_events,
    inventory.redrive
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    inventory.events_now, inventory.read_events, inventory.redrive
TO inventory_operator;
GRANT EXECUTE ON FUNCTION
    inventory.put_sink, inventory.pause_sink, inventory.resume_sink, inventory.drop_sink, inventory.take_turns,
    inventory.give_turns, inventory.save_progress, inventory.due_events
TO inventory_admin;

-- Sagas ------------------------------------------------------------------------------------------
