-- Layout 1: stock, journal, requests. Ordinary tables, so that they dump, restore and replicate
-- like any other; inventory.install() runs this once. Leaves of stock and journal, and the order
-- number sequences, are made by the code that knows their number.

CREATE TABLE inventory.installation (
    only_row         boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    layout           integer NOT NULL,
    -- Which database this is: after a restore or a clone these differ from the server's own, and
    -- the first session that writes begins a new generation.
    generation       integer NOT NULL,
    system_id        bigint  NOT NULL,
    timeline         bigint  NOT NULL,
    database_oid     bigint  NOT NULL
);

CREATE TABLE inventory.product (
    sku                 text COLLATE "C" PRIMARY KEY
                        CHECK (char_length(sku) BETWEEN 1 AND 64),
    name                text    NOT NULL,
    low_stock_threshold bigint  CHECK (low_stock_threshold >= 0),
    lot_controlled      boolean NOT NULL,
    unit                text    NOT NULL,
    attributes          jsonb   NOT NULL CHECK (jsonb_typeof(attributes) = 'object'),
    created_at          timestamptz NOT NULL,
    updated_at          timestamptz NOT NULL
);

CREATE TABLE inventory.warehouse (
    warehouse_id integer PRIMARY KEY CHECK (warehouse_id BETWEEN 1 AND 999),
    code         text COLLATE "C" NOT NULL UNIQUE,
    name         text NOT NULL
);

-- One row a SKU, warehouse and lot; lot '' is the only row of a product without lots, and the
-- lock of a lot-controlled one's whole shelf. The CHECKs are the second lock behind the engine.
CREATE TABLE inventory.stock (
    sku            text COLLATE "C" NOT NULL,
    warehouse_id   integer NOT NULL,
    lot            text COLLATE "C" NOT NULL,
    on_hand        bigint  NOT NULL,
    reserved       bigint  NOT NULL,
    -- Counts the row's movements.
    version        bigint  NOT NULL,
    expires_on     date,
    -- When the first of its holds ends: the hot path pays one comparison.
    next_expiry    timestamptz,
    received_at    timestamptz NOT NULL,
    -- Of the product, kept beside the stock so that a deduction reads one row: its kind, and the
    -- level at or below which it is low.
    lot_controlled boolean NOT NULL,
    low_at         bigint,
    -- The product or the warehouse was deleted. The row stays, so that its versions go on where
    -- they ended if they come again.
    retired        boolean NOT NULL DEFAULT false,
    PRIMARY KEY (sku, warehouse_id, lot),
    -- One CHECK, and short: PostgreSQL reads it anew for every UPDATE.
    CONSTRAINT stock_is_not_oversold CHECK (on_hand >= reserved AND reserved >= 0)
) PARTITION BY HASH (sku);

CREATE SEQUENCE inventory.journal_id AS bigint CACHE 1;

-- One row a movement: the ledger, the audit log and the outbox are views on it. Rows are only ever
-- added. Ids are drawn while the stock row is locked, so their order is each row's version order.
CREATE TABLE inventory.journal (
    id             bigint  NOT NULL,
    generation     integer NOT NULL,
    xid            xid8    NOT NULL,
    at             timestamptz NOT NULL,
    event_type     text COLLATE "C" NOT NULL,
    sku            text COLLATE "C",
    warehouse_id   integer,
    lot            text COLLATE "C",
    on_hand_delta  bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    -- The stock row after the movement.
    on_hand        bigint,
    reserved       bigint,
    version        bigint,
    request_id     uuid,
    order_no       text COLLATE "C",
    reason         text,
    -- Who says they did it, and which database user did.
    operator       text,
    db_user        text NOT NULL,
    trace_id       text,
    PRIMARY KEY (generation, xid, id)
) PARTITION BY RANGE (id);

CREATE INDEX journal_history ON inventory.journal (sku, id);

-- What the journal said of a stock row in partitions that are gone, so that verify() stays exact.
CREATE TABLE inventory.journal_base (
    sku          text COLLATE "C" NOT NULL,
    warehouse_id integer NOT NULL,
    lot          text COLLATE "C" NOT NULL,
    on_hand      bigint NOT NULL,
    reserved     bigint NOT NULL,
    version      bigint NOT NULL,
    PRIMARY KEY (sku, warehouse_id, lot)
);

-- One row an accepted request: the only idempotency check, written in the effect's transaction.
CREATE TABLE inventory.request (
    request_id  uuid PRIMARY KEY,
    -- 128 bits of SHA-256 over the command's content.
    fingerprint uuid NOT NULL,
    -- The answer: order number (64-bit form), then on hand, reserved and available a line.
    order_id    bigint,
    levels      bigint[] NOT NULL,
    -- How many journal rows the effect has.
    movements   integer NOT NULL,
    at          timestamptz NOT NULL
);

-- Master data for those who may not touch the tables.
CREATE VIEW inventory.products AS
SELECT p.sku, p.name, p.low_stock_threshold, p.lot_controlled, p.unit, p.attributes, p.created_at, p.updated_at
  FROM inventory.product AS p;

CREATE VIEW inventory.warehouses AS
SELECT w.warehouse_id, w.code, w.name FROM inventory.warehouse AS w;

CREATE VIEW inventory.stock_lot AS
SELECT s.sku, s.warehouse_id, s.lot, s.on_hand, s.reserved,
       CASE WHEN s.expires_on < (pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::pg_catalog.date
            THEN 0 ELSE s.on_hand - s.reserved END AS available,
       s.expires_on, s.received_at, s.version
  FROM inventory.stock AS s
 WHERE s.lot <> '' AND s.lot_controlled AND NOT s.retired;

CREATE VIEW inventory.stock_level AS
SELECT s.sku, s.warehouse_id,
       pg_catalog.sum(s.on_hand)::bigint AS on_hand,
       pg_catalog.sum(s.reserved)::bigint AS reserved,
       coalesce(pg_catalog.sum(s.on_hand - s.reserved)
                FILTER (WHERE s.expires_on IS NULL
                           OR s.expires_on >= (pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::pg_catalog.date),
                0)::bigint AS available,
       coalesce(pg_catalog.sum(s.on_hand) <= pg_catalog.max(s.low_at), false) AS low,
       -- Of the rows that hold the goods: the only one, or the lots.
       coalesce(pg_catalog.sum(s.version) FILTER (WHERE s.lot_controlled = (s.lot <> '')), 0)::bigint AS version
  FROM inventory.stock AS s
 WHERE NOT s.retired
 GROUP BY s.sku, s.warehouse_id;

CREATE VIEW inventory.low_stock AS
SELECT l.sku, p.name, l.warehouse_id, l.on_hand, l.reserved, l.available, p.low_stock_threshold
  FROM inventory.stock_level AS l
  JOIN inventory.product AS p ON p.sku = l.sku
 WHERE l.low;

CREATE VIEW inventory.audit_log AS
SELECT j.id, j.sku AS sku_id, j.warehouse_id,
       j.on_hand - j.on_hand_delta AS before_qty, j.on_hand AS after_qty,
       j.reason, j.operator, j.trace_id, j.request_id, j.at
  FROM inventory.journal AS j
 WHERE j.sku IS NOT NULL;

-- A row an event and sink. No relay exists yet, so every event is pending.
CREATE VIEW inventory.outbox AS
SELECT j.id, NULL::text AS sink, j.event_type,
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
           'sku', j.sku, 'warehouse_id', j.warehouse_id, 'lot', nullif(j.lot, ''),
           'qty', pg_catalog.abs(j.on_hand_delta),
           'on_hand_delta', j.on_hand_delta, 'reserved_delta', j.reserved_delta,
           'on_hand', j.on_hand, 'reserved', j.reserved, 'available', j.on_hand - j.reserved,
           'version', j.version, 'order_no', j.order_no, 'request_id', j.request_id,
           'reason', j.reason, 'operator', j.operator, 'trace_id', j.trace_id)) AS payload,
       'PENDING'::text AS status, 0 AS attempts, NULL::timestamptz AS next_attempt_at, j.at
  FROM inventory.journal AS j;

GRANT USAGE ON SCHEMA inventory TO inventory_reader;
GRANT SELECT ON inventory.products, inventory.warehouses, inventory.stock_level, inventory.stock_lot, inventory.low_stock,
                inventory.audit_log, inventory.outbox TO inventory_reader;
