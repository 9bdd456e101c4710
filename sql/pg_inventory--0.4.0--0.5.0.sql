-- What 0.5.0 adds to 0.4.0: events and sagas. Run inventory.install() afterwards: it brings the
-- tables to the layout that the library works with.
\echo Use "ALTER EXTENSION pg_inventory UPDATE" to load this file. \quit

-- Requests ---------------------------------------------------------------------------------------

-- Which of these had their effect, as long as that is remembered, and the order number that it got.
CREATE FUNCTION inventory.remembered_requests(request_ids uuid[])
RETURNS TABLE (request_id uuid, order_no text)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_remembered_requests';

REVOKE ALL ON FUNCTION inventory.remembered_requests FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.remembered_requests TO inventory_operator;

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

CREATE FUNCTION inventory.begin_saga(
    name text, definition jsonb, input jsonb,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT saga_id uuid, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_begin_saga';

-- For coordinators: sagas that are due, each with the fence under which it may be advanced.
CREATE FUNCTION inventory.claim_sagas(holder text, ttl interval, max_sagas integer DEFAULT 16)
RETURNS TABLE (saga_id uuid, fence bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_claim_sagas';

-- Takes in what came of the call before, and says which comes next. A step of the engine is done in the
-- same transaction.
CREATE FUNCTION inventory.advance_saga(
    saga_id uuid, fence bigint, ttl interval,
    step integer DEFAULT NULL, direction text DEFAULT NULL, outcome text DEFAULT NULL,
    answer jsonb DEFAULT NULL, detail text DEFAULT NULL,
    OUT next text, OUT step integer, OUT direction text, OUT call jsonb)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_advance_saga';

-- By hand, for one that needs attention: again, or back.
CREATE FUNCTION inventory.retry_saga(
    saga_id uuid, revert boolean DEFAULT false,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_retry_saga';

REVOKE ALL ON FUNCTION inventory.begin_saga, inventory.claim_sagas, inventory.advance_saga, inventory.retry_saga FROM PUBLIC;
GRANT EXECUTE ON FUNCTION inventory.begin_saga, inventory.claim_sagas, inventory.advance_saga, inventory.retry_saga
TO inventory_operator;

-- Repair tickets ---------------------------------------------------------------------------------

-- What a look at a part of the whole (its scope) found, a line a finding. Of a finding there is one ticket,
-- however often it is found; with `complete` those of what was found no more are closed.
CREATE FUNCTION inventory.report_findings(
    scope text, looked_at timestamptz, kinds text[], subjects text[], expected text[], found text[],
    complete boolean DEFAULT true)
RETURNS TABLE (line integer, ticket_id bigint, state text, opened boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_report_findings';

CREATE FUNCTION inventory.confirm_ticket(
    ticket_id bigint, counted bigint DEFAULT NULL,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_confirm_ticket';

CREATE FUNCTION inventory.reject_ticket(
    ticket_id bigint, reason text,
    request_id uuid DEFAULT NULL, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_reject_ticket';

-- Carries out what was confirmed, once: a command of the engine with the ticket as its reason.
CREATE FUNCTION inventory.run_ticket(
    ticket_id bigint, operator text DEFAULT NULL, trace_id text DEFAULT NULL,
    OUT code text, OUT state text, OUT replayed boolean)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_run_ticket';

-- In a shadow: begin to follow a source, or go on; gives the cursor to go on from.
CREATE FUNCTION inventory.start_shadow(source text, share integer, share_by text DEFAULT 'sku')
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_start_shadow';

CREATE FUNCTION inventory.stop_shadow(source text)
RETURNS text
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_stop_shadow';

-- Movements of the source, in order, from one cursor to another; `state` is MOVED where it has come further by
-- another hand, and then nothing was done.
CREATE FUNCTION inventory.feed_shadow(
    source text, before text, after text, caught_up_at timestamptz,
    ids bigint[], skus text[], warehouse_ids integer[], lots text[], deltas bigint[], on_hands bigint[], versions bigint[],
    OUT state text, OUT applied bigint, OUT refused bigint)
LANGUAGE c VOLATILE PARALLEL UNSAFE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS 'MODULE_PATHNAME', 'inventory_feed_shadow';

REVOKE ALL ON FUNCTION
    inventory.report_findings, inventory.confirm_ticket, inventory.reject_ticket, inventory.run_ticket,
    inventory.start_shadow, inventory.stop_shadow, inventory.feed_shadow
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
    inventory.report_findings, inventory.confirm_ticket, inventory.reject_ticket, inventory.run_ticket,
    inventory.start_shadow, inventory.stop_shadow, inventory.feed_shadow
TO inventory_operator;
