SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA inventory;
ALTER SCHEMA inventory OWNER TO postgres;
CREATE EXTENSION IF NOT EXISTS pg_inventory WITH SCHEMA inventory;
COMMENT ON EXTENSION pg_inventory IS 'stock nobody sells twice: deductions, lots, order numbers, journal and outbox in one commit';
SET default_tablespace = '';
CREATE TABLE inventory.journal (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
)
PARTITION BY RANGE (id);
ALTER TABLE inventory.journal OWNER TO postgres;
CREATE VIEW inventory.audit_log AS
 SELECT j.id,
    j.sku AS sku_id,
    j.warehouse_id,
    (j.on_hand - j.on_hand_delta) AS before_qty,
    j.on_hand AS after_qty,
    j.reason,
    j.operator,
    j.trace_id,
    j.request_id,
    j.at
   FROM inventory.journal j
  WHERE (j.sku IS NOT NULL);
ALTER TABLE inventory.audit_log OWNER TO postgres;
SET default_table_access_method = heap;
CREATE TABLE inventory.installation (
    only_row boolean DEFAULT true NOT NULL,
    layout integer NOT NULL,
    generation integer NOT NULL,
    system_id bigint NOT NULL,
    timeline bigint NOT NULL,
    database_oid bigint NOT NULL,
    CONSTRAINT installation_only_row_check CHECK (only_row)
);
ALTER TABLE inventory.installation OWNER TO postgres;
CREATE TABLE inventory.journal_0000 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0000 OWNER TO postgres;
CREATE TABLE inventory.journal_0001 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0001 OWNER TO postgres;
CREATE TABLE inventory.journal_0002 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0002 OWNER TO postgres;
CREATE TABLE inventory.journal_0003 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0003 OWNER TO postgres;
CREATE TABLE inventory.journal_0004 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0004 OWNER TO postgres;
CREATE TABLE inventory.journal_0005 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0005 OWNER TO postgres;
CREATE TABLE inventory.journal_0006 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0006 OWNER TO postgres;
CREATE TABLE inventory.journal_0007 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0007 OWNER TO postgres;
CREATE TABLE inventory.journal_0008 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0008 OWNER TO postgres;
CREATE TABLE inventory.journal_0009 (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_0009 OWNER TO postgres;
CREATE TABLE inventory.journal_base (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL
);
ALTER TABLE inventory.journal_base OWNER TO postgres;
CREATE TABLE inventory.journal_default (
    id bigint NOT NULL,
    generation integer NOT NULL,
    xid xid8 NOT NULL,
    at timestamp with time zone NOT NULL,
    event_type text NOT NULL COLLATE pg_catalog."C",
    sku text COLLATE pg_catalog."C",
    warehouse_id integer,
    lot text COLLATE pg_catalog."C",
    on_hand_delta bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    on_hand bigint,
    reserved bigint,
    version bigint,
    request_id uuid,
    order_no text COLLATE pg_catalog."C",
    reason text,
    operator text,
    db_user text NOT NULL,
    trace_id text
);
ALTER TABLE inventory.journal_default OWNER TO postgres;
CREATE SEQUENCE inventory.journal_id
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE inventory.journal_id OWNER TO postgres;
CREATE TABLE inventory.product (
    sku text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    low_stock_threshold bigint,
    lot_controlled boolean NOT NULL,
    unit text NOT NULL,
    attributes jsonb NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT product_attributes_check CHECK ((jsonb_typeof(attributes) = 'object'::text)),
    CONSTRAINT product_low_stock_threshold_check CHECK ((low_stock_threshold >= 0)),
    CONSTRAINT product_sku_check CHECK (((char_length(sku) >= 1) AND (char_length(sku) <= 64)))
);
ALTER TABLE inventory.product OWNER TO postgres;
CREATE TABLE inventory.stock (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
PARTITION BY HASH (sku);
ALTER TABLE inventory.stock OWNER TO postgres;
CREATE VIEW inventory.stock_level AS
 SELECT s.sku,
    s.warehouse_id,
    (sum(s.on_hand))::bigint AS on_hand,
    (sum(s.reserved))::bigint AS reserved,
    (COALESCE(sum((s.on_hand - s.reserved)) FILTER (WHERE ((s.expires_on IS NULL) OR (s.expires_on >= ((clock_timestamp() AT TIME ZONE 'UTC'::text))::date))), (0)::numeric))::bigint AS available,
    COALESCE((sum(s.on_hand) <= (max(s.low_at))::numeric), false) AS low,
    (COALESCE(sum(s.version) FILTER (WHERE (s.lot_controlled = (s.lot <> ''::text))), (0)::numeric))::bigint AS version
   FROM inventory.stock s
  WHERE (NOT s.retired)
  GROUP BY s.sku, s.warehouse_id;
ALTER TABLE inventory.stock_level OWNER TO postgres;
CREATE VIEW inventory.low_stock AS
 SELECT l.sku,
    p.name,
    l.warehouse_id,
    l.on_hand,
    l.reserved,
    l.available,
    p.low_stock_threshold
   FROM (inventory.stock_level l
     JOIN inventory.product p ON ((p.sku = l.sku)))
  WHERE l.low;
ALTER TABLE inventory.low_stock OWNER TO postgres;
CREATE SEQUENCE inventory.order_number_001
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE inventory.order_number_001 OWNER TO postgres;
CREATE VIEW inventory.outbox AS
 SELECT j.id,
    NULL::text AS sink,
    j.event_type,
    jsonb_strip_nulls(jsonb_build_object('sku', j.sku, 'warehouse_id', j.warehouse_id, 'lot', NULLIF(j.lot, ''::text), 'qty', abs(j.on_hand_delta), 'on_hand_delta', j.on_hand_delta, 'reserved_delta', j.reserved_delta, 'on_hand', j.on_hand, 'reserved', j.reserved, 'available', (j.on_hand - j.reserved), 'version', j.version, 'order_no', j.order_no, 'request_id', j.request_id, 'reason', j.reason, 'operator', j.operator, 'trace_id', j.trace_id)) AS payload,
    'PENDING'::text AS status,
    0 AS attempts,
    NULL::timestamp with time zone AS next_attempt_at,
    j.at
   FROM inventory.journal j;
ALTER TABLE inventory.outbox OWNER TO postgres;
CREATE VIEW inventory.products AS
 SELECT p.sku,
    p.name,
    p.low_stock_threshold,
    p.lot_controlled,
    p.unit,
    p.attributes,
    p.created_at,
    p.updated_at
   FROM inventory.product p;
ALTER TABLE inventory.products OWNER TO postgres;
CREATE TABLE inventory.request (
    request_id uuid NOT NULL,
    fingerprint uuid NOT NULL,
    order_id bigint,
    levels bigint[] NOT NULL,
    movements integer NOT NULL,
    at timestamp with time zone NOT NULL
);
ALTER TABLE inventory.request OWNER TO postgres;
CREATE TABLE inventory.stock_00 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_00 OWNER TO postgres;
CREATE TABLE inventory.stock_01 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_01 OWNER TO postgres;
CREATE TABLE inventory.stock_02 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_02 OWNER TO postgres;
CREATE TABLE inventory.stock_03 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_03 OWNER TO postgres;
CREATE TABLE inventory.stock_04 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_04 OWNER TO postgres;
CREATE TABLE inventory.stock_05 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_05 OWNER TO postgres;
CREATE TABLE inventory.stock_06 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_06 OWNER TO postgres;
CREATE TABLE inventory.stock_07 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_07 OWNER TO postgres;
CREATE TABLE inventory.stock_08 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_08 OWNER TO postgres;
CREATE TABLE inventory.stock_09 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_09 OWNER TO postgres;
CREATE TABLE inventory.stock_10 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_10 OWNER TO postgres;
CREATE TABLE inventory.stock_11 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_11 OWNER TO postgres;
CREATE TABLE inventory.stock_12 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_12 OWNER TO postgres;
CREATE TABLE inventory.stock_13 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_13 OWNER TO postgres;
CREATE TABLE inventory.stock_14 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_14 OWNER TO postgres;
CREATE TABLE inventory.stock_15 (
    sku text NOT NULL COLLATE pg_catalog."C",
    warehouse_id integer NOT NULL,
    lot text NOT NULL COLLATE pg_catalog."C",
    on_hand bigint NOT NULL,
    reserved bigint NOT NULL,
    version bigint NOT NULL,
    expires_on date,
    next_expiry timestamp with time zone,
    received_at timestamp with time zone NOT NULL,
    lot_controlled boolean NOT NULL,
    low_at bigint,
    retired boolean DEFAULT false NOT NULL,
    CONSTRAINT stock_is_not_oversold CHECK (((on_hand >= reserved) AND (reserved >= 0)))
)
WITH (fillfactor='70', autovacuum_vacuum_scale_factor='0.05');
ALTER TABLE inventory.stock_15 OWNER TO postgres;
CREATE VIEW inventory.stock_lot AS
 SELECT s.sku,
    s.warehouse_id,
    s.lot,
    s.on_hand,
    s.reserved,
        CASE
            WHEN (s.expires_on < ((clock_timestamp() AT TIME ZONE 'UTC'::text))::date) THEN (0)::bigint
            ELSE (s.on_hand - s.reserved)
        END AS available,
    s.expires_on,
    s.received_at,
    s.version
   FROM inventory.stock s
  WHERE ((s.lot <> ''::text) AND s.lot_controlled AND (NOT s.retired));
ALTER TABLE inventory.stock_lot OWNER TO postgres;
CREATE TABLE inventory.warehouse (
    warehouse_id integer NOT NULL,
    code text NOT NULL COLLATE pg_catalog."C",
    name text NOT NULL,
    CONSTRAINT warehouse_warehouse_id_check CHECK (((warehouse_id >= 1) AND (warehouse_id <= 999)))
);
ALTER TABLE inventory.warehouse OWNER TO postgres;
CREATE VIEW inventory.warehouses AS
 SELECT w.warehouse_id,
    w.code,
    w.name
   FROM inventory.warehouse w;
ALTER TABLE inventory.warehouses OWNER TO postgres;
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0000 FOR VALUES FROM ('0') TO ('10000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0001 FOR VALUES FROM ('10000000') TO ('20000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0002 FOR VALUES FROM ('20000000') TO ('30000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0003 FOR VALUES FROM ('30000000') TO ('40000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0004 FOR VALUES FROM ('40000000') TO ('50000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0005 FOR VALUES FROM ('50000000') TO ('60000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0006 FOR VALUES FROM ('60000000') TO ('70000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0007 FOR VALUES FROM ('70000000') TO ('80000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0008 FOR VALUES FROM ('80000000') TO ('90000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_0009 FOR VALUES FROM ('90000000') TO ('100000000');
ALTER TABLE ONLY inventory.journal ATTACH PARTITION inventory.journal_default DEFAULT;
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_00 FOR VALUES WITH (modulus 16, remainder 0);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_01 FOR VALUES WITH (modulus 16, remainder 1);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_02 FOR VALUES WITH (modulus 16, remainder 2);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_03 FOR VALUES WITH (modulus 16, remainder 3);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_04 FOR VALUES WITH (modulus 16, remainder 4);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_05 FOR VALUES WITH (modulus 16, remainder 5);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_06 FOR VALUES WITH (modulus 16, remainder 6);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_07 FOR VALUES WITH (modulus 16, remainder 7);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_08 FOR VALUES WITH (modulus 16, remainder 8);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_09 FOR VALUES WITH (modulus 16, remainder 9);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_10 FOR VALUES WITH (modulus 16, remainder 10);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_11 FOR VALUES WITH (modulus 16, remainder 11);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_12 FOR VALUES WITH (modulus 16, remainder 12);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_13 FOR VALUES WITH (modulus 16, remainder 13);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_14 FOR VALUES WITH (modulus 16, remainder 14);
ALTER TABLE ONLY inventory.stock ATTACH PARTITION inventory.stock_15 FOR VALUES WITH (modulus 16, remainder 15);
COPY inventory.installation (only_row, layout, generation, system_id, timeline, database_oid) FROM stdin;
t	1	1	7711877389385611173	1	16384
\.
COPY inventory.journal_0000 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0001 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0002 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0003 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0004 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0005 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0006 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0007 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0008 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_0009 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.journal_base (sku, warehouse_id, lot, on_hand, reserved, version) FROM stdin;
\.
COPY inventory.journal_default (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
\.
COPY inventory.product (sku, name, low_stock_threshold, lot_controlled, unit, attributes, created_at, updated_at) FROM stdin;
\.
COPY inventory.request (request_id, fingerprint, order_id, levels, movements, at) FROM stdin;
\.
COPY inventory.stock_00 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_01 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_02 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_03 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_04 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_05 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_06 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_07 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_08 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_09 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_10 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_11 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_12 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_13 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_14 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_15 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.warehouse (warehouse_id, code, name) FROM stdin;
1	MAIN	Main warehouse
\.
SELECT pg_catalog.setval('inventory.journal_id', 1, false);
SELECT pg_catalog.setval('inventory.order_number_001', 1, false);
ALTER TABLE ONLY inventory.installation
    ADD CONSTRAINT installation_pkey PRIMARY KEY (only_row);
ALTER TABLE ONLY inventory.journal
    ADD CONSTRAINT journal_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0000
    ADD CONSTRAINT journal_0000_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0001
    ADD CONSTRAINT journal_0001_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0002
    ADD CONSTRAINT journal_0002_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0003
    ADD CONSTRAINT journal_0003_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0004
    ADD CONSTRAINT journal_0004_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0005
    ADD CONSTRAINT journal_0005_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0006
    ADD CONSTRAINT journal_0006_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0007
    ADD CONSTRAINT journal_0007_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0008
    ADD CONSTRAINT journal_0008_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_0009
    ADD CONSTRAINT journal_0009_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.journal_base
    ADD CONSTRAINT journal_base_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.journal_default
    ADD CONSTRAINT journal_default_pkey PRIMARY KEY (generation, xid, id);
ALTER TABLE ONLY inventory.product
    ADD CONSTRAINT product_pkey PRIMARY KEY (sku);
ALTER TABLE ONLY inventory.request
    ADD CONSTRAINT request_pkey PRIMARY KEY (request_id);
ALTER TABLE ONLY inventory.stock
    ADD CONSTRAINT stock_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_00
    ADD CONSTRAINT stock_00_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_01
    ADD CONSTRAINT stock_01_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_02
    ADD CONSTRAINT stock_02_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_03
    ADD CONSTRAINT stock_03_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_04
    ADD CONSTRAINT stock_04_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_05
    ADD CONSTRAINT stock_05_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_06
    ADD CONSTRAINT stock_06_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_07
    ADD CONSTRAINT stock_07_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_08
    ADD CONSTRAINT stock_08_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_09
    ADD CONSTRAINT stock_09_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_10
    ADD CONSTRAINT stock_10_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_11
    ADD CONSTRAINT stock_11_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_12
    ADD CONSTRAINT stock_12_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_13
    ADD CONSTRAINT stock_13_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_14
    ADD CONSTRAINT stock_14_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.stock_15
    ADD CONSTRAINT stock_15_pkey PRIMARY KEY (sku, warehouse_id, lot);
ALTER TABLE ONLY inventory.warehouse
    ADD CONSTRAINT warehouse_code_key UNIQUE (code);
ALTER TABLE ONLY inventory.warehouse
    ADD CONSTRAINT warehouse_pkey PRIMARY KEY (warehouse_id);
CREATE INDEX journal_history ON ONLY inventory.journal USING btree (sku, id);
CREATE INDEX journal_0000_sku_id_idx ON inventory.journal_0000 USING btree (sku, id);
CREATE INDEX journal_0001_sku_id_idx ON inventory.journal_0001 USING btree (sku, id);
CREATE INDEX journal_0002_sku_id_idx ON inventory.journal_0002 USING btree (sku, id);
CREATE INDEX journal_0003_sku_id_idx ON inventory.journal_0003 USING btree (sku, id);
CREATE INDEX journal_0004_sku_id_idx ON inventory.journal_0004 USING btree (sku, id);
CREATE INDEX journal_0005_sku_id_idx ON inventory.journal_0005 USING btree (sku, id);
CREATE INDEX journal_0006_sku_id_idx ON inventory.journal_0006 USING btree (sku, id);
CREATE INDEX journal_0007_sku_id_idx ON inventory.journal_0007 USING btree (sku, id);
CREATE INDEX journal_0008_sku_id_idx ON inventory.journal_0008 USING btree (sku, id);
CREATE INDEX journal_0009_sku_id_idx ON inventory.journal_0009 USING btree (sku, id);
CREATE INDEX journal_default_sku_id_idx ON inventory.journal_default USING btree (sku, id);
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0000_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0000_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0001_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0001_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0002_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0002_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0003_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0003_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0004_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0004_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0005_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0005_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0006_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0006_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0007_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0007_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0008_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0008_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_0009_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_0009_sku_id_idx;
ALTER INDEX inventory.journal_pkey ATTACH PARTITION inventory.journal_default_pkey;
ALTER INDEX inventory.journal_history ATTACH PARTITION inventory.journal_default_sku_id_idx;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_00_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_01_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_02_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_03_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_04_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_05_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_06_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_07_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_08_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_09_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_10_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_11_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_12_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_13_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_14_pkey;
ALTER INDEX inventory.stock_pkey ATTACH PARTITION inventory.stock_15_pkey;
GRANT SELECT ON TABLE inventory.audit_log TO inventory_reader;
GRANT SELECT ON TABLE inventory.stock_level TO inventory_reader;
GRANT SELECT ON TABLE inventory.low_stock TO inventory_reader;
GRANT SELECT ON TABLE inventory.outbox TO inventory_reader;
GRANT SELECT ON TABLE inventory.products TO inventory_reader;
GRANT SELECT ON TABLE inventory.stock_lot TO inventory_reader;
GRANT SELECT ON TABLE inventory.warehouses TO inventory_reader;
