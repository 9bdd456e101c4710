-- Layout 4: what the gateway keeps in the database.

-- Who may come in by HTTP. Of a key there is only the SHA-256.
CREATE TABLE inventory.api_key (
    key_id       text COLLATE "C" PRIMARY KEY,
    name         text NOT NULL,
    role         text COLLATE "C" NOT NULL CHECK (role IN ('reader', 'operator', 'admin')),
    key_hash     bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,
    last_used_at timestamptz,
    revoked_at   timestamptz
);

-- Goods set aside for a holder who sells them by itself: a hold without time limit, whose lines get less
-- with each sale that is told of.
CREATE TABLE inventory.lease (
    -- That of its hold.
    lease_id     uuid PRIMARY KEY,
    sku          text COLLATE "C" NOT NULL,
    warehouse_id integer NOT NULL,
    holder       text COLLATE "C" NOT NULL,
    purpose      text COLLATE "C" NOT NULL CHECK (purpose IN ('token', 'fallback')),
    granted      bigint  NOT NULL,
    sold         bigint  NOT NULL,
    -- Of the database that gave it: in one that was restored or cloned since it is void.
    generation   integer NOT NULL,
    state        text COLLATE "C" NOT NULL CHECK (state IN ('OPEN', 'SETTLED', 'RETURNED')),
    created_at   timestamptz NOT NULL,
    -- Until when its holder may sell. The goods come back by its holder or by a repair only.
    expires_at   timestamptz NOT NULL,
    CONSTRAINT lease_sells_no_more_than_granted CHECK (sold BETWEEN 0 AND granted)
);
CREATE INDEX lease_open ON inventory.lease (expires_at) WHERE state = 'OPEN';

CREATE VIEW inventory.leases AS
SELECT e.lease_id, e.sku, e.warehouse_id, e.holder, e.purpose, e.granted, e.sold,
       CASE e.state WHEN 'OPEN' THEN e.granted - e.sold ELSE 0 END AS rest,
       e.generation, e.state, e.created_at, e.expires_at
  FROM inventory.lease AS e;

GRANT SELECT ON inventory.leases TO inventory_reader;
