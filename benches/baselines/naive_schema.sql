-- The naive side: plain tables, no functions, no partitions; the client holds the row lock over its round trips.
-- Frozen: a faster engine is measured against the same opponent. See benches/README.md before changing a byte.
CREATE SCHEMA naive;

CREATE TABLE naive.stock (
    sku     text PRIMARY KEY,
    on_hand bigint NOT NULL CHECK (on_hand >= 0)
);

CREATE TABLE naive.audit (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku        text NOT NULL,
    before_qty bigint NOT NULL,
    after_qty  bigint NOT NULL,
    reason     text NOT NULL,
    operator   text NOT NULL,
    request_id uuid NOT NULL,
    at         timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE naive.outbox (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_type text NOT NULL,
    payload    jsonb NOT NULL,
    status     text NOT NULL DEFAULT 'PENDING',
    at         timestamptz NOT NULL DEFAULT now()
);

GRANT USAGE ON SCHEMA naive TO bench_operator;
GRANT SELECT, UPDATE ON naive.stock TO bench_operator;
GRANT INSERT ON naive.audit, naive.outbox TO bench_operator;
