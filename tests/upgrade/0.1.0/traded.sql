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
CREATE SEQUENCE inventory.order_number_002
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE inventory.order_number_002 OWNER TO postgres;
CREATE SEQUENCE inventory.order_number_003
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE inventory.order_number_003 OWNER TO postgres;
CREATE SEQUENCE inventory.order_number_999
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER TABLE inventory.order_number_999 OWNER TO postgres;
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
t	1	1	7711877389385611173	1	16385
\.
COPY inventory.journal_0000 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
1	1	741	2026-11-24 23:03:08.714706+00	STOCK_RECEIVED	LAMP	1		500	0	500	0	1	00000000-0000-4000-8000-000000000003	\N	receipt	ben	postgres	\N
2	1	742	2026-11-24 23:03:08.716926+00	STOCK_RECEIVED	TEA	1		1000000000000	0	1000000000000	0	1	\N	\N	receipt	\N	postgres	\N
3	1	743	2026-11-24 23:03:08.718401+00	STOCK_RECEIVED	MILK	1	A	40	0	40	0	1	00000000-0000-4000-8000-000000000004	\N	receipt	\N	postgres	\N
4	1	744	2026-11-24 23:03:08.719637+00	STOCK_RECEIVED	MILK	1	B	30	0	30	0	1	\N	\N	receipt	\N	postgres	\N
5	1	745	2026-11-24 23:03:08.720479+00	STOCK_RECEIVED	MILK	1	C	20	0	20	0	1	\N	\N	receipt	\N	postgres	\N
6	1	746	2026-11-24 23:03:08.721083+00	STOCK_RECEIVED	MILK	1	spoiled	15	0	15	0	1	\N	\N	receipt	\N	postgres	\N
7	1	747	2026-11-24 23:03:08.721722+00	STOCK_RECEIVED	MILK	2	A	12	0	12	0	1	\N	\N	receipt	\N	postgres	\N
8	1	748	2026-11-24 23:03:08.72288+00	STOCK_RECEIVED	Ä 'quoted' "sku"	999		7	0	7	0	1	\N	\N	receipt	\N	postgres	\N
9	1	749	2026-11-24 23:03:08.724007+00	STOCK_RECEIVED	GONE	1		5	0	5	0	1	\N	\N	receipt	\N	postgres	\N
10	1	750	2026-11-24 23:03:08.725087+00	STOCK_RECEIVED	AGAIN	3		5	0	5	0	1	\N	\N	receipt	\N	postgres	\N
11	1	751	2026-11-24 23:03:08.726305+00	STOCK_RECEIVED	LOW	1		60	0	60	0	1	\N	\N	receipt	\N	postgres	\N
12	1	752	2026-11-24 23:03:08.727131+00	STOCK_DEDUCTED	LAMP	1		-10	0	490	0	2	00000000-0000-4000-8000-000000000005	20261124230308001000000	sale	cy	postgres	trace-5
13	1	753	2026-11-24 23:03:08.727892+00	STOCK_DEDUCTED	MILK	1	B	-30	0	0	0	2	00000000-0000-4000-8000-000000000006	20261124230308001000001	sale	\N	postgres	\N
14	1	753	2026-11-24 23:03:08.727892+00	STOCK_DEDUCTED	MILK	1	A	-5	0	35	0	2	00000000-0000-4000-8000-000000000006	20261124230308001000001	sale	\N	postgres	\N
15	1	754	2026-11-24 23:03:08.728685+00	STOCK_DEDUCTED	MILK	1	C	-5	0	15	0	2	\N	20261124230308001000002	a named lot	\N	postgres	\N
16	1	756	2026-11-24 23:03:08.72962+00	STOCK_DEDUCTED	LAMP	1		-1	0	489	0	3	00000000-0000-4000-8000-000000000007	20261124230308001000003	sale	\N	postgres	\N
17	1	757	2026-11-24 23:03:08.7302+00	STOCK_DEDUCTED	LAMP	1		-3	0	486	0	4	00000000-0000-4000-8000-000000000008	20261124230308001000004	web	\N	postgres	\N
18	1	757	2026-11-24 23:03:08.7302+00	STOCK_DEDUCTED	MILK	2	A	-4	0	8	0	2	00000000-0000-4000-8000-000000000008	20261124230308001000004	web	\N	postgres	\N
19	1	757	2026-11-24 23:03:08.7302+00	STOCK_DEDUCTED	LOW	1		-15	0	45	0	2	00000000-0000-4000-8000-000000000009	20261124230308001000005	web	\N	postgres	\N
20	1	757	2026-11-24 23:03:08.7302+00	STOCK_DEDUCTED	TEA	1		-1	0	999999999999	0	2	\N	20261124230308001000006	web	\N	postgres	\N
21	1	758	2026-11-24 23:03:08.731315+00	STOCK_ADJUSTED	LAMP	1		-2	0	484	0	5	00000000-0000-4000-8000-00000000000a	\N	fell "off"\\ the shelf	\N	postgres	\N
22	1	759	2026-11-24 23:03:08.73188+00	STOCK_ADJUSTED	TEA	1		5	0	1000000000004	0	3	\N	\N	found	\N	postgres	\N
23	1	760	2026-11-24 23:03:08.732363+00	STOCK_ADJUSTED	LAMP	1		-4	0	480	0	6	00000000-0000-4000-8000-00000000000b	\N	yearly count	\N	postgres	\N
24	1	761	2026-11-24 23:03:08.732915+00	STOCK_ADJUSTED	TEA	1		-999999999005	0	999	0	4	\N	\N	yearly count	\N	postgres	\N
25	1	762	2026-11-24 23:03:08.733585+00	STOCK_TRANSFERRED	LAMP	1		-100	0	380	0	7	00000000-0000-4000-8000-00000000000c	\N	transfer	\N	postgres	\N
26	1	762	2026-11-24 23:03:08.733585+00	STOCK_TRANSFERRED	LAMP	2		100	0	100	0	1	00000000-0000-4000-8000-00000000000c	\N	transfer	\N	postgres	\N
27	1	763	2026-11-24 23:03:08.734286+00	STOCK_TRANSFERRED	MILK	1	A	-30	0	5	0	3	00000000-0000-4000-8000-00000000000d	\N	transfer	\N	postgres	\N
28	1	763	2026-11-24 23:03:08.734286+00	STOCK_TRANSFERRED	MILK	2	A	30	0	38	0	3	00000000-0000-4000-8000-00000000000d	\N	transfer	\N	postgres	\N
29	1	764	2026-11-24 23:03:08.735026+00	STOCK_DEDUCTED	GONE	1		-5	0	0	0	2	00000000-0000-4000-8000-00000000000e	20261124230308001000007	sale	\N	postgres	\N
30	1	766	2026-11-24 23:03:08.736268+00	STOCK_DEDUCTED	AGAIN	3		-5	0	0	0	2	\N	20261124230308003000000	sale	\N	postgres	\N
31	1	770	2026-11-24 23:03:08.739893+00	STOCK_RECEIVED	AGAIN	1		4	0	4	0	1	00000000-0000-4000-8000-000000000011	\N	receipt	\N	postgres	\N
32	1	773	2026-11-24 23:03:08.741203+00	STOCK_DEDUCTED	Ä 'quoted' "sku"	999		-2	0	5	0	2	00000000-0000-4000-8000-000000000012	21500101000000999000002	sale	\N	postgres	\N
\.
COPY inventory.journal_0001 (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta, on_hand, reserved, version, request_id, order_no, reason, operator, db_user, trace_id) FROM stdin;
10000001	1	775	2026-11-24 23:03:08.741888+00	STOCK_DEDUCTED	LAMP	2		-1	0	99	0	2	00000000-0000-4000-8000-000000000013	20261124230308002000001	sale	\N	postgres	\N
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
100000001	1	777	2026-11-24 23:03:08.742888+00	STOCK_DEDUCTED	LAMP	2		-1	0	98	0	3	00000000-0000-4000-8000-000000000014	20261124230308002000002	sale	\N	postgres	\N
\.
COPY inventory.product (sku, name, low_stock_threshold, lot_controlled, unit, attributes, created_at, updated_at) FROM stdin;
LAMP	Desk lamp	20	f	each	{}	2026-11-24 23:03:08.699774+00	2026-11-24 23:03:08.699774+00
TEA	Green tea	\N	f	kg	{"from": ["Uji", "Hangzhou"], "organic": true}	2026-11-24 23:03:08.702435+00	2026-11-24 23:03:08.702435+00
MILK	Milk, 1 litre	10	t	carton	{}	2026-11-24 23:03:08.703295+00	2026-11-24 23:03:08.703295+00
Ä 'quoted' "sku"	Back\\slash	0	f	each	{}	2026-11-24 23:03:08.703931+00	2026-11-24 23:03:08.703931+00
LOW	Low when it was dumped	50	f	each	{}	2026-11-24 23:03:08.705787+00	2026-11-24 23:03:08.705787+00
NEVER	Never received	\N	f	each	{}	2026-11-24 23:03:08.706477+00	2026-11-24 23:03:08.706477+00
AGAIN	Deleted, and there again	3	f	each	{}	2026-11-24 23:03:08.739336+00	2026-11-24 23:03:08.739336+00
\.
COPY inventory.request (request_id, fingerprint, order_id, levels, movements, at) FROM stdin;
00000000-0000-4000-8000-000000000001	296981bc-6c48-483b-69f1-e653ffd133aa	\N	{1}	0	2026-11-24 23:03:08.70058+00
00000000-0000-4000-8000-000000000002	23834dfc-e501-d630-1bb0-6b81fea2ac2a	\N	{1}	0	2026-11-24 23:03:08.707191+00
00000000-0000-4000-8000-000000000003	107c0bab-ef6a-83a8-7409-4e36ff430e7c	\N	{500,0,500}	1	2026-11-24 23:03:08.714706+00
00000000-0000-4000-8000-000000000004	a431f03e-c7e2-6452-7acc-6453faf7e71f	\N	{40,0,40}	1	2026-11-24 23:03:08.718401+00
00000000-0000-4000-8000-000000000005	282f5e7d-e414-6910-10a7-b1ac25e34c6a	1795561388001000000	{490,0,490}	1	2026-11-24 23:03:08.727131+00
00000000-0000-4000-8000-000000000006	b53f8b50-75cb-67da-d282-89ff7c151911	1795561388001000001	{70,0,55}	2	2026-11-24 23:03:08.727892+00
00000000-0000-4000-8000-000000000007	2a861272-3951-5599-87cb-866a98d04abd	1795561388001000003	{489,0,489}	1	2026-11-24 23:03:08.72962+00
00000000-0000-4000-8000-000000000008	3514e4e0-52a3-0840-6fa8-faac6378f025	1795561388001000004	{486,0,486,8,0,8}	2	2026-11-24 23:03:08.7302+00
00000000-0000-4000-8000-000000000009	a63434b5-4a59-3359-69a0-0278f179e89c	1795561388001000005	{45,0,45}	1	2026-11-24 23:03:08.7302+00
00000000-0000-4000-8000-00000000000a	0a48aaed-9964-807c-53d8-fe049925dac8	\N	{484,0,484}	1	2026-11-24 23:03:08.731315+00
00000000-0000-4000-8000-00000000000b	b86beb17-4c00-708f-564a-93c2578b7bf3	\N	{480,0,480}	1	2026-11-24 23:03:08.732363+00
00000000-0000-4000-8000-00000000000c	c585d81c-06f3-0239-66b2-e8a342b2cafd	\N	{380,0,380,100,0,100}	2	2026-11-24 23:03:08.733585+00
00000000-0000-4000-8000-00000000000d	0d8db8a3-e01d-edb0-4c41-d449a62d05ad	\N	{35,0,20,38,0,38}	2	2026-11-24 23:03:08.734286+00
00000000-0000-4000-8000-00000000000e	82c40706-560d-e8c3-9f8e-35e9462abad8	1795561388001000007	{0,0,0}	1	2026-11-24 23:03:08.735026+00
00000000-0000-4000-8000-00000000000f	ce6765e0-36e4-e664-1efe-d95ca11cfd11	\N	{0}	0	2026-11-24 23:03:08.735664+00
00000000-0000-4000-8000-000000000010	b9bba398-0533-2721-382f-8947f32d06c0	\N	{0}	0	2026-11-24 23:03:08.738304+00
00000000-0000-4000-8000-000000000011	23d8c238-f15d-22bf-bd1d-93b5aa9df6d1	\N	{4,0,4}	1	2026-11-24 23:03:08.739893+00
00000000-0000-4000-8000-000000000012	d88a4a29-6783-c503-12b7-5b527e60546a	5680281600999000002	{5,0,5}	1	2026-11-24 23:03:08.741203+00
00000000-0000-4000-8000-000000000013	d4ba9fd7-8b54-695c-f392-82a3383b3cd4	1795561388002000001	{99,0,99}	1	2026-11-24 23:03:08.741888+00
00000000-0000-4000-8000-000000000014	d4ba9fd7-8b54-695c-f392-82a3383b3cd4	1795561388002000002	{98,0,98}	1	2026-11-24 23:03:08.742888+00
\.
COPY inventory.stock_00 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_01 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
GONE	1		0	0	2	\N	\N	2026-11-24 23:03:08.723682+00	f	\N	t
\.
COPY inventory.stock_02 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_03 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
LOW	1		45	0	2	\N	\N	2026-11-24 23:03:08.725955+00	f	50	f
\.
COPY inventory.stock_04 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
TEA	1		999	0	4	\N	\N	2026-11-24 23:03:08.716427+00	f	\N	f
\.
COPY inventory.stock_05 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
Ä 'quoted' "sku"	999		5	0	2	\N	\N	2026-11-24 23:03:08.722454+00	f	0	f
\.
COPY inventory.stock_06 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
AGAIN	3		0	0	2	\N	\N	2026-11-24 23:03:08.724765+00	f	3	t
AGAIN	1		4	0	1	\N	\N	2026-11-24 23:03:08.739839+00	f	3	f
\.
COPY inventory.stock_07 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_08 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_09 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
LAMP	1		380	0	7	\N	\N	2026-11-24 23:03:08.714217+00	f	20	f
LAMP	2		98	0	3	\N	\N	2026-11-24 23:03:08.733516+00	f	20	f
\.
COPY inventory.stock_10 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_11 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_12 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
MILK	1		0	0	0	\N	\N	2026-11-24 23:03:08.71778+00	t	10	f
MILK	1	spoiled	15	0	1	2020-02-29	\N	2026-11-24 23:03:08.721083+00	t	10	f
MILK	2		0	0	0	\N	\N	2026-11-24 23:03:08.721649+00	t	10	f
MILK	1	B	0	0	2	2998-01-01	\N	2026-11-24 23:03:08.719637+00	t	10	f
MILK	1	C	15	0	2	\N	\N	2026-11-24 23:03:08.720479+00	t	10	f
MILK	1	A	5	0	3	2999-01-01	\N	2026-11-24 23:03:08.718401+00	t	10	f
MILK	2	A	38	0	3	2999-01-01	\N	2026-11-24 23:03:08.721722+00	t	10	f
\.
COPY inventory.stock_13 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_14 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.stock_15 (sku, warehouse_id, lot, on_hand, reserved, version, expires_on, next_expiry, received_at, lot_controlled, low_at, retired) FROM stdin;
\.
COPY inventory.warehouse (warehouse_id, code, name) FROM stdin;
1	MAIN	Main warehouse
2	NORTH	North
999	FAR	Ahead of the clock
\.
SELECT pg_catalog.setval('inventory.journal_id', 100000002, true);
SELECT pg_catalog.setval('inventory.order_number_001', 1795561412000004, true);
SELECT pg_catalog.setval('inventory.order_number_002', 1795561412000001, true);
SELECT pg_catalog.setval('inventory.order_number_003', 1795561388000000, true);
SELECT pg_catalog.setval('inventory.order_number_999', 5680281600000003, true);
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
