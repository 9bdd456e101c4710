-- The PL/pgSQL side: what a competent DBA writes without an engine. One function, the same rows as `inventory.deduct`
-- (stock, journal, request, order number), the same table shapes, the same rights: its callers may only execute it.
-- Frozen: a faster engine is measured against the same opponent. See benches/README.md before changing a byte.
CREATE SCHEMA plain;

CREATE TABLE plain.stock (
    sku            text COLLATE "C" NOT NULL,
    warehouse_id   integer NOT NULL,
    lot            text COLLATE "C" NOT NULL,
    on_hand        bigint NOT NULL,
    reserved       bigint NOT NULL,
    version        bigint NOT NULL,
    expires_on     date,
    next_expiry    timestamptz,
    received_at    timestamptz NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at         bigint,
    retired        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sku, warehouse_id, lot),
    CHECK (on_hand >= reserved AND reserved >= 0)
) PARTITION BY HASH (sku);

DO $$
BEGIN
    FOR leaf IN 0..15 LOOP
        EXECUTE format('CREATE TABLE plain.stock_%s PARTITION OF plain.stock FOR VALUES WITH (MODULUS 16, REMAINDER %s)
                        WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05)',
                       lpad(leaf::text, 2, '0'), leaf);
    END LOOP;
END
$$;

CREATE SEQUENCE plain.journal_id;
CREATE SEQUENCE plain.order_id;

CREATE TABLE plain.journal (
    id             bigint NOT NULL,
    generation     integer NOT NULL,
    xid            xid8 NOT NULL,
    at             timestamptz NOT NULL,
    event_type     text COLLATE "C" NOT NULL,
    sku            text COLLATE "C",
    warehouse_id   integer,
    lot            text COLLATE "C",
    on_hand_delta  bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand        bigint,
    reserved       bigint,
    version        bigint,
    request_id     uuid,
    order_no       text COLLATE "C",
    reason         text,
    operator       text,
    db_user        text NOT NULL,
    trace_id       text,
    PRIMARY KEY (id)
) PARTITION BY RANGE (id);
CREATE INDEX ON plain.journal (sku, id);
CREATE TABLE plain.journal_0 PARTITION OF plain.journal FOR VALUES FROM (0) TO (10000000);
CREATE TABLE plain.journal_1 PARTITION OF plain.journal FOR VALUES FROM (10000000) TO (20000000);
CREATE TABLE plain.journal_default PARTITION OF plain.journal DEFAULT;

CREATE TABLE plain.request (
    request_id  uuid PRIMARY KEY,
    fingerprint uuid NOT NULL,
    order_id    bigint,
    levels      bigint[] NOT NULL,
    movements   integer NOT NULL,
    at          timestamptz NOT NULL
);

-- The plan is pinned because PostgreSQL prices the generic one with all sixteen leaves and would plan anew on every
-- call: pinned, a call takes 0.57 (PostgreSQL 18) to 0.64 (15) of the time.
-- Three statements, because the same in one (UPDATE and INSERTs as WITH) was a third slower.
CREATE FUNCTION plain.deduct(
    p_sku text, p_qty bigint, p_warehouse_id integer DEFAULT 1, p_lot text DEFAULT '', p_reason text DEFAULT 'sale',
    p_request_id uuid DEFAULT NULL, p_operator text DEFAULT NULL, p_trace_id text DEFAULT NULL,
    OUT code text, OUT order_no text, OUT on_hand bigint, OUT reserved bigint, OUT available bigint, OUT replayed boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
    content uuid := md5(concat_ws(E'\x1f', 'deduct', p_sku, p_qty, p_warehouse_id, p_lot, p_reason))::uuid;
    answered plain.request;
    taken_version bigint;
    moment timestamptz;
    number bigint;
BEGIN
    SELECT * INTO answered FROM plain.request r WHERE r.request_id = p_request_id;
    IF FOUND THEN
        IF answered.fingerprint <> content THEN
            RAISE EXCEPTION 'the request id was used for another command';
        END IF;
        moment := answered.at;
        number := answered.order_id;
        on_hand := answered.levels[1];
        reserved := answered.levels[2];
    ELSE
        UPDATE plain.stock s
           SET on_hand = s.on_hand - p_qty, version = s.version + 1
         WHERE s.sku = p_sku AND s.warehouse_id = p_warehouse_id AND s.lot = p_lot AND s.on_hand - s.reserved >= p_qty
        RETURNING s.on_hand, s.reserved, s.version INTO on_hand, reserved, taken_version;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'insufficient stock';
        END IF;
        moment := clock_timestamp();
        number := nextval('plain.order_id');
    END IF;

    code := 'ok';
    order_no := to_char(moment AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') || lpad(p_warehouse_id::text, 3, '0')
                || lpad((number % 1000000)::text, 6, '0');
    available := on_hand - reserved;
    replayed := taken_version IS NULL;
    IF replayed THEN
        RETURN;
    END IF;

    -- The key refuses a twin that slipped past the look above; its client gets the stored answer on its next try.
    INSERT INTO plain.request (request_id, fingerprint, order_id, levels, movements, at)
    VALUES (p_request_id, content, number, ARRAY[on_hand, reserved, available], 1, moment);

    INSERT INTO plain.journal (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta,
                               on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id)
    VALUES (nextval('plain.journal_id'), 1, pg_current_xact_id(), moment, 'STOCK_DEDUCTED', p_sku, p_warehouse_id, p_lot, -p_qty, 0,
            on_hand, reserved, taken_version, p_request_id, order_no, p_reason, p_operator, session_user, p_trace_id);
END
$$;

REVOKE ALL ON FUNCTION plain.deduct FROM PUBLIC;
GRANT USAGE ON SCHEMA plain TO bench_operator;
GRANT EXECUTE ON FUNCTION plain.deduct TO bench_operator;
