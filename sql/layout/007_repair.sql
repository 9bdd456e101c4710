-- Layout 7: what was found wrong, who decided what, and that it was set right.

CREATE TABLE inventory.repair_ticket (
    ticket_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- What was compared: a look that leaves a part out says nothing of its tickets.
    scope      text COLLATE "C" NOT NULL CHECK (scope IN ('database', 'redis', 'ledger', 'shadow')),
    kind       text COLLATE "C" NOT NULL,
    subject    text COLLATE "C" NOT NULL,
    expected   text NOT NULL,
    found      text NOT NULL,
    state      text COLLATE "C" NOT NULL CHECK (state IN ('PENDING', 'CONFIRMED', 'DONE', 'REJECTED')),
    -- Whether it stands for its finding: one that was rejected does until it is found no more.
    open       boolean NOT NULL,
    -- What lies on the shelf, where somebody counted; without it the journal is right.
    counted    bigint CHECK (counted >= 0),
    -- By how much that was more or less than what the journal said then, at which version of the row: what is sold
    -- before it is carried out is in both.
    apart      bigint,
    since      bigint,
    -- Of its correction, so that it is made once.
    request_id uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid(),
    opened_at  timestamptz NOT NULL,
    seen_at    timestamptz NOT NULL,
    decided_by text COLLATE "C",
    decided_at timestamptz,
    note       text,
    closed_at  timestamptz,
    CONSTRAINT ticket_is_closed_at_its_end CHECK (open = (closed_at IS NULL)),
    CONSTRAINT ticket_that_is_done_is_closed CHECK (NOT (open AND state = 'DONE'))
);
CREATE UNIQUE INDEX repair_ticket_open ON inventory.repair_ticket (kind, subject) WHERE open;
CREATE INDEX repair_ticket_subject ON inventory.repair_ticket (kind, subject, closed_at) WHERE NOT open;
CREATE INDEX repair_ticket_scope ON inventory.repair_ticket (scope, seen_at) WHERE open;
CREATE INDEX repair_ticket_rejected ON inventory.repair_ticket (closed_at) WHERE state = 'REJECTED' AND NOT open;
CREATE INDEX repair_ticket_listed ON inventory.repair_ticket (ticket_id) WHERE open;

CREATE VIEW inventory.repair_tickets AS
SELECT t.ticket_id, t.scope, t.kind, t.subject, t.expected, t.found, t.state, t.open, t.counted,
       t.opened_at, t.seen_at, t.decided_by, t.decided_at, t.note, t.closed_at
  FROM inventory.repair_ticket AS t;

GRANT SELECT ON inventory.repair_tickets TO inventory_reader;

-- In a shadow: who feeds it, and how far it has come.
CREATE TABLE inventory.shadow_feed (
    source       text COLLATE "C" PRIMARY KEY,
    -- Which part of the traffic comes: so many of a million SKUs, or users.
    share        integer NOT NULL CHECK (share BETWEEN 1 AND 1000000),
    share_by     text COLLATE "C" NOT NULL CHECK (share_by IN ('sku', 'user')),
    state        text COLLATE "C" NOT NULL CHECK (state IN ('RUNNING', 'STOPPED')),
    -- In the journal of the source; it moves with what was applied, in one transaction.
    cursor       text COLLATE "C",
    applied      bigint NOT NULL DEFAULT 0,
    refused      bigint NOT NULL DEFAULT 0,
    -- Nothing more was to be read then, by the clock of the source.
    caught_up_at timestamptz,
    changed_at   timestamptz NOT NULL
);

-- What the source had after the last of its movements that came: the same place in the journal as what is in stock
-- here, whatever is under way.
CREATE TABLE inventory.shadow_row (
    sku          text COLLATE "C" NOT NULL,
    warehouse_id integer NOT NULL,
    lot          text COLLATE "C" NOT NULL,
    on_hand      bigint NOT NULL,
    -- Of the source's row; NULL where only a part of its movements comes.
    version      bigint,
    -- Versions that did not come.
    missing      bigint NOT NULL,
    PRIMARY KEY (sku, warehouse_id, lot)
);

CREATE VIEW inventory.shadows AS
SELECT f.source, f.share, f.share_by, f.state, f.cursor, f.applied, f.refused, f.caught_up_at, f.changed_at
  FROM inventory.shadow_feed AS f;

-- Where a shadow differs from its source, at the same place in the journal.
CREATE VIEW inventory.shadow_drift AS
SELECT r.sku, r.warehouse_id, r.lot, r.on_hand AS expected, coalesce(s.on_hand, 0) AS on_hand, r.version, r.missing
  FROM inventory.shadow_row AS r
  LEFT JOIN inventory.stock AS s ON s.sku = r.sku AND s.warehouse_id = r.warehouse_id AND s.lot = r.lot
 WHERE r.on_hand <> coalesce(s.on_hand, 0) OR r.missing > 0;

GRANT SELECT ON inventory.shadows, inventory.shadow_drift TO inventory_reader;
