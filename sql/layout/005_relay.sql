-- Layout 5: how far each sink has been told.

-- The name by which its events are known outside, and the last id of what has left the journal.
ALTER TABLE inventory.installation ADD COLUMN source uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE inventory.installation ADD COLUMN journal_cut_id bigint NOT NULL DEFAULT 0;
-- When the files of its cluster were made, in microseconds since 1970: a copy of them is another database, also
-- where it has the same system identifier and timeline. Empty where the file system does not say.
ALTER TABLE inventory.installation ADD COLUMN born bigint;
-- And the oid of this table: a dump that was restored in the place of what was there is another database, too.
ALTER TABLE inventory.installation ADD COLUMN table_oid bigint;

-- Now and then it is noted which journal id was the last and which transaction the next: transactions from that one
-- on draw their ids behind it. So a new reader knows from where on to look for those that are open.
CREATE TABLE inventory.journal_mark (
    last_id    bigint  PRIMARY KEY,
    next_xid   xid8    NOT NULL,
    generation integer NOT NULL
);

-- What the journal says to the world.
CREATE VIEW inventory.event AS
SELECT j.id, j.generation, j.xid, j.event_type, j.sku, j.warehouse_id,
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
       j.trace_id, j.at
  FROM inventory.journal AS j;

-- Where events go. A sink is told of all that comes behind its cursor.
CREATE TABLE inventory.sink (
    name       text COLLATE "C" PRIMARY KEY,
    -- Its URL with its secrets, for those who deliver; and without, for those who look.
    target     text NOT NULL,
    address    text NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('ACTIVE', 'PAUSED')),
    -- Of the database, when it was made or resumed. In another one, restored or cloned, it is silent until
    -- somebody resumes it: a copy must not call up what the original calls up.
    generation integer NOT NULL,
    created_at timestamptz NOT NULL
);

-- How far each sink was told, and who tells it now. Nothing here or elsewhere grows with what was delivered.
CREATE TABLE inventory.relay_cursor (
    sink            text COLLATE "C" PRIMARY KEY,
    cursor          text   NOT NULL,
    -- The same for SQL: a row is passed if the first snapshot saw it; or if its id is at most `position` and the
    -- second one, that is being read, sees it.
    seen_generation integer NOT NULL,
    seen_before       xid8    NOT NULL,
    seen_open       xid8[]  NOT NULL,
    generation      integer NOT NULL,
    before          xid8    NOT NULL,
    open            xid8[]  NOT NULL,
    position        bigint  NOT NULL,
    -- Nothing up to this id is still to be read: the journal may let it go.
    keeps_after     bigint  NOT NULL,
    -- The relay whose turn it is, by the number of the turn, until when it must have renewed it.
    relay           text COLLATE "C",
    turn            bigint  NOT NULL DEFAULT 0,
    lease_until     timestamptz,
    -- Since it exists.
    delivered       bigint  NOT NULL DEFAULT 0,
    -- The sink itself is away: since when, and why.
    failing_since   timestamptz,
    failure         text
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

-- Relays at work, so that they share the sinks.
CREATE TABLE inventory.relay (
    relay text COLLATE "C" PRIMARY KEY,
    until timestamptz NOT NULL
);

-- Events that a sink did not take, and those of the same SKU that wait behind them. RETRY is tried again;
-- without a time, as soon as nothing of its SKU is before it. DEAD waits for somebody to say so.
CREATE TABLE inventory.outbox_parked (
    sink            text COLLATE "C" NOT NULL,
    id              bigint  NOT NULL,
    sku             text COLLATE "C",
    status          text COLLATE "C" NOT NULL CHECK (status IN ('RETRY', 'DEAD')),
    attempts        integer NOT NULL,
    next_attempt_at timestamptz,
    error           text,
    parked_at       timestamptz NOT NULL,
    PRIMARY KEY (sink, id)
) WITH (autovacuum_vacuum_scale_factor = 0.05);
CREATE INDEX outbox_parked_status ON inventory.outbox_parked (status, id);

-- A row an event and sink; without sinks one PENDING row. SENT is what a sink was told, or what came before it.
CREATE OR REPLACE VIEW inventory.outbox AS
SELECT e.id, c.sink COLLATE "default" AS sink, e.event_type, e.payload,
       CASE WHEN p.status IS NOT NULL THEN p.status
            WHEN e.generation < c.seen_generation
              OR e.generation = c.seen_generation AND e.xid < c.seen_before AND e.xid <> ALL (c.seen_open)
              OR e.id <= c.position AND (e.generation < c.generation
                 OR e.generation = c.generation AND e.xid < c.before AND e.xid <> ALL (c.open))
            THEN 'SENT' ELSE 'PENDING' END COLLATE "default" AS status,
       coalesce(p.attempts, 0) AS attempts, p.next_attempt_at, e.at
  FROM inventory.event AS e
  LEFT JOIN inventory.relay_cursor AS c ON true
  LEFT JOIN inventory.outbox_parked AS p ON p.sink = c.sink AND p.id = e.id;

-- The rows of the outbox that are RETRY or DEAD, looked up by that: through the outbox itself every event would
-- have to be looked at.
CREATE VIEW inventory.parked_events AS
SELECT p.id, p.sink, e.event_type, e.sku, e.payload, p.status, p.attempts, p.next_attempt_at, p.error, p.parked_at, e.at
  FROM inventory.outbox_parked AS p
  JOIN inventory.event AS e ON e.id = p.id;

-- Sinks as they are now. `pending` counts ids, so it may be a little more than there are events.
CREATE VIEW inventory.sinks AS
SELECT s.name, s.address, CASE WHEN s.generation = i.generation THEN s.state ELSE 'PAUSED' END AS state,
       CASE WHEN c.lease_until > pg_catalog.clock_timestamp() THEN c.relay END AS relay, c.position,
       greatest(0, coalesce((SELECT j.id FROM inventory.journal AS j ORDER BY j.id DESC LIMIT 1), 0) - c.position) AS pending,
       coalesce((SELECT extract(epoch FROM greatest('0', pg_catalog.clock_timestamp() - j.at))
                   FROM inventory.journal AS j WHERE j.id > c.position ORDER BY j.id LIMIT 1), 0)::double precision AS lag_seconds,
       (SELECT pg_catalog.count(*) FROM inventory.outbox_parked AS p WHERE p.sink = s.name AND p.status = 'RETRY') AS retrying,
       (SELECT pg_catalog.count(*) FROM inventory.outbox_parked AS p WHERE p.sink = s.name AND p.status = 'DEAD') AS dead,
       c.delivered, c.failing_since, c.failure, s.created_at, c.keeps_after
  FROM inventory.sink AS s
  JOIN inventory.relay_cursor AS c ON c.sink = s.name
 CROSS JOIN inventory.installation AS i;

GRANT SELECT ON inventory.event, inventory.parked_events, inventory.sinks TO inventory_reader;
