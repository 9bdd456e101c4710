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
