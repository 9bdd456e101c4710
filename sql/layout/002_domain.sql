-- Layout 2: holds, orders, alerts, upkeep. The guard of the orders' states is made by the code that
-- knows the transitions.

-- Units of holds past their time that nobody has booked as expired yet: every open line of this row
-- whose time came before next_expiry, and no other. So each line is added up once, not by every reader.
ALTER TABLE inventory.stock ADD COLUMN lapsed bigint NOT NULL DEFAULT 0;
ALTER TABLE inventory.stock DROP CONSTRAINT stock_is_not_oversold;
ALTER TABLE inventory.stock ADD CONSTRAINT stock_is_not_oversold
    CHECK (on_hand >= reserved AND reserved >= lapsed AND lapsed >= 0);

-- Whether on hand is at or below low_at, so that who is low is looked up. An UPDATE that leaves it as it is
-- touches no index.
ALTER TABLE inventory.stock ADD COLUMN low boolean NOT NULL DEFAULT false;
UPDATE inventory.stock AS s SET low = true WHERE s.on_hand <= s.low_at;
CREATE INDEX stock_low ON inventory.stock (sku, warehouse_id) WHERE low AND lot = '';

-- Its key is the id alone: for the newest events, for one event, and for who reads on behind the last that he has
-- seen. A relay finds by it too what was committed late: ids are drawn by the transaction that writes them, so all of
-- a transaction that came after a snapshot lie behind the last id given before that snapshot.
ALTER TABLE inventory.journal DROP CONSTRAINT journal_pkey;
ALTER TABLE inventory.journal ADD PRIMARY KEY (id);

ALTER TABLE inventory.journal ADD COLUMN reservation_id uuid;
-- What else the event says: an order's states, a threshold.
ALTER TABLE inventory.journal ADD COLUMN extra jsonb;

CREATE INDEX journal_of_order ON inventory.journal (order_no) WHERE event_type = 'ORDER_STATE_CHANGED';

-- Of a hold's answer, what the levels do not say.
ALTER TABLE inventory.request ADD COLUMN reservation_id uuid;
ALTER TABLE inventory.request ADD COLUMN expires_at timestamptz;
-- Rows leave from its old end day by day: vacuum by a small share, so that new ones take their place.
ALTER TABLE inventory.request SET (autovacuum_vacuum_scale_factor = 0.02);

-- The newest movement in journal partitions that are gone.
ALTER TABLE inventory.installation ADD COLUMN journal_cut timestamptz;

-- A hold: HELD until it resolves, once.
CREATE TABLE inventory.reservation (
    reservation_id uuid PRIMARY KEY,
    state          text COLLATE "C" NOT NULL
                   CHECK (state IN ('HELD', 'CONFIRMED', 'RELEASED', 'EXPIRED')),
    -- NULL: the hold of an order, which has no limit.
    expires_at     timestamptz,
    -- Foreseen for holds that belong to a running transaction.
    xid            xid8,
    created_at     timestamptz NOT NULL,
    closed_at      timestamptz,
    CONSTRAINT reservation_closes_once CHECK ((state = 'HELD') = (closed_at IS NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX reservation_due ON inventory.reservation (expires_at, reservation_id)
    WHERE state = 'HELD' AND expires_at IS NOT NULL;

-- What it holds, a row a stock row: a line without a named lot may be held from several. Only `open`
-- ever changes, under the lock of the stock row: a line past its time may be closed before its hold is.
CREATE TABLE inventory.reservation_line (
    reservation_id uuid    NOT NULL,
    line           integer NOT NULL,
    sku            text COLLATE "C" NOT NULL,
    warehouse_id   integer NOT NULL,
    lot            text COLLATE "C" NOT NULL,
    quantity       bigint  NOT NULL CHECK (quantity > 0),
    -- The hold's, so that what is due of a stock row is found by key.
    expires_at     timestamptz,
    open           boolean NOT NULL,
    PRIMARY KEY (reservation_id, line, lot)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX reservation_line_open ON inventory.reservation_line (sku, warehouse_id, lot, expires_at)
    INCLUDE (quantity) WHERE open;

CREATE TABLE inventory.orders (
    order_id       bigint PRIMARY KEY,
    order_no       text COLLATE "C" NOT NULL UNIQUE,
    direction      text COLLATE "C" NOT NULL CHECK (direction IN ('outbound', 'inbound')),
    warehouse_id   integer NOT NULL,
    state          text COLLATE "C" NOT NULL
                   CHECK (state IN ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'REVERTED')),
    external_ref   text,
    -- What it holds, or held and took.
    reservation_id uuid,
    -- Of its last change.
    reason         text,
    created_at     timestamptz NOT NULL,
    changed_at     timestamptz NOT NULL
);
CREATE INDEX orders_open ON inventory.orders (warehouse_id) WHERE state IN ('PENDING', 'PROCESSING');
CREATE INDEX orders_external ON inventory.orders (external_ref) WHERE external_ref IS NOT NULL;

CREATE TABLE inventory.order_line (
    order_id   bigint  NOT NULL,
    line       integer NOT NULL,
    sku        text COLLATE "C" NOT NULL,
    -- The lot that is named; '' for none.
    lot        text COLLATE "C" NOT NULL,
    quantity   bigint  NOT NULL CHECK (quantity > 0),
    -- Inbound: the date of a lot that comes with the order.
    expires_on date,
    PRIMARY KEY (order_id, line)
);

-- How far a job has come that goes through a table bit by bit.
CREATE TABLE inventory.upkeep (
    job      text COLLATE "C" PRIMARY KEY,
    position bigint NOT NULL,
    -- When it was last through.
    at       timestamptz NOT NULL
);
INSERT INTO inventory.upkeep (job, position, at)
VALUES ('prune requests', 0, '-infinity'), ('prune holds', 0, '-infinity'), ('drop journal partitions', 0, '-infinity');

-- Levels as they count now: without holds past their time, whether anybody swept them or not.
CREATE VIEW inventory.stock_now AS
SELECT s.sku, s.warehouse_id, s.lot, s.on_hand, s.reserved - gone.units AS reserved,
       CASE WHEN s.expires_on < (pg_catalog.clock_timestamp() AT TIME ZONE 'UTC')::pg_catalog.date
            THEN 0 ELSE s.on_hand - s.reserved + gone.units END AS available,
       s.expires_on, s.received_at, s.version, s.lot_controlled, s.low_at, s.low
  FROM inventory.stock AS s
 CROSS JOIN LATERAL (
       -- The clock is read in a query of its own, so that the index may be used with it.
       SELECT s.lapsed + CASE WHEN s.next_expiry <= (SELECT pg_catalog.clock_timestamp()) THEN
              (SELECT coalesce(pg_catalog.sum(l.quantity), 0)::bigint FROM inventory.reservation_line AS l
                WHERE l.sku = s.sku AND l.warehouse_id = s.warehouse_id AND l.lot = s.lot AND l.open
                  AND l.expires_at >= s.next_expiry
                  AND l.expires_at <= (SELECT pg_catalog.clock_timestamp()))
              ELSE 0 END AS units) AS gone
 WHERE NOT s.retired;

CREATE OR REPLACE VIEW inventory.stock_lot AS
SELECT s.sku, s.warehouse_id, s.lot, s.on_hand, s.reserved, s.available, s.expires_on, s.received_at, s.version
  FROM inventory.stock_now AS s
 WHERE s.lot <> '' AND s.lot_controlled;

CREATE OR REPLACE VIEW inventory.stock_level AS
SELECT s.sku, s.warehouse_id,
       pg_catalog.sum(s.on_hand)::bigint AS on_hand,
       pg_catalog.sum(s.reserved)::bigint AS reserved,
       pg_catalog.sum(s.available)::bigint AS available,
       coalesce(pg_catalog.sum(s.on_hand) <= pg_catalog.max(s.low_at), false) AS low,
       -- Of the rows that hold the goods: the only one, or the lots.
       coalesce(pg_catalog.sum(s.version) FILTER (WHERE s.lot_controlled = (s.lot <> '')), 0)::bigint AS version
  FROM inventory.stock_now AS s
 GROUP BY s.sku, s.warehouse_id;

-- A row without lots says itself that it is low; of a shelf of lots, which its first row stands for if it
-- is watched, they are added up.
CREATE OR REPLACE VIEW inventory.low_stock AS
SELECT s.sku, p.name, s.warehouse_id, s.on_hand, s.reserved, s.available, p.low_stock_threshold
  FROM inventory.stock_now AS s
  JOIN inventory.product AS p ON p.sku = s.sku
 WHERE s.low AND s.lot = '' AND NOT s.lot_controlled
UNION ALL
SELECT s.sku, p.name, s.warehouse_id, l.on_hand, l.reserved, l.available, p.low_stock_threshold
  FROM inventory.stock AS s
  JOIN inventory.product AS p ON p.sku = s.sku
 CROSS JOIN LATERAL (
       SELECT v.on_hand, v.reserved, v.available, v.low FROM inventory.stock_level AS v
        WHERE v.sku = s.sku AND v.warehouse_id = s.warehouse_id) AS l
 WHERE s.low AND s.lot = '' AND s.lot_controlled AND NOT s.retired AND l.low;

-- Goods that moved or were held; events that move nothing are in the outbox alone.
CREATE OR REPLACE VIEW inventory.audit_log AS
SELECT j.id, j.sku AS sku_id, j.warehouse_id,
       j.on_hand - j.on_hand_delta AS before_qty, j.on_hand AS after_qty,
       j.reason, j.operator, j.trace_id, j.request_id, j.at
  FROM inventory.journal AS j
 WHERE j.version IS NOT NULL;

CREATE OR REPLACE VIEW inventory.outbox AS
SELECT j.id, NULL::text AS sink, j.event_type,
       pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
           'sku', j.sku, 'warehouse_id', j.warehouse_id, 'lot', nullif(j.lot, ''),
           'qty', CASE WHEN j.version IS NOT NULL THEN
                  pg_catalog.abs(CASE j.on_hand_delta WHEN 0 THEN j.reserved_delta ELSE j.on_hand_delta END) END,
           'on_hand_delta', CASE WHEN j.version IS NOT NULL THEN j.on_hand_delta END,
           'reserved_delta', CASE WHEN j.version IS NOT NULL THEN j.reserved_delta END,
           'on_hand', j.on_hand, 'reserved', j.reserved, 'available', j.on_hand - j.reserved,
           'version', j.version, 'order_no', j.order_no, 'reservation_id', j.reservation_id,
           'request_id', j.request_id, 'reason', j.reason, 'operator', j.operator, 'trace_id', j.trace_id)
           || coalesce(j.extra, '{}')) AS payload,
       'PENDING'::text AS status, 0 AS attempts, NULL::timestamptz AS next_attempt_at, j.at
  FROM inventory.journal AS j;

-- A hold whose time is over counts as EXPIRED at that moment.
CREATE VIEW inventory.reservations AS
SELECT r.reservation_id,
       CASE WHEN r.state = 'HELD' AND r.expires_at <= pg_catalog.clock_timestamp() THEN 'EXPIRED' ELSE r.state END AS state,
       l.line, l.sku, l.warehouse_id, nullif(l.lot, '') AS lot, l.quantity, r.expires_at, r.created_at, r.closed_at
  FROM inventory.reservation AS r
  JOIN inventory.reservation_line AS l ON l.reservation_id = r.reservation_id;

CREATE VIEW inventory.order_status AS
SELECT o.order_no, o.order_id, o.direction, o.warehouse_id, o.external_ref, o.state, o.reason, o.reservation_id,
       o.created_at, o.changed_at
  FROM inventory.orders AS o;

-- Each line as it was asked for, with the lots that are held or were taken for it.
CREATE VIEW inventory.order_lines AS
SELECT o.order_no, l.line, l.sku, o.warehouse_id, l.quantity, nullif(l.lot, '') AS named_lot,
       nullif(h.lot, '') AS lot, h.quantity AS lot_quantity
  FROM inventory.orders AS o
  JOIN inventory.order_line AS l ON l.order_id = o.order_id
  LEFT JOIN inventory.reservation_line AS h ON h.reservation_id = o.reservation_id AND h.line = l.line;

-- The states an order went through, from the journal.
CREATE VIEW inventory.order_history AS
SELECT j.order_no, j.extra ->> 'from' AS from_state, j.extra ->> 'to' AS to_state, j.reason, j.operator, j.db_user,
       j.trace_id, j.request_id, j.at
  FROM inventory.journal AS j
 WHERE j.event_type = 'ORDER_STATE_CHANGED';

GRANT SELECT ON inventory.stock_now, inventory.reservations, inventory.order_status, inventory.order_lines, inventory.order_history
   TO inventory_reader;
