-- Layout 3: hot SKUs.

CREATE TABLE inventory.hot_sku (
    sku           text COLLATE "C" PRIMARY KEY,
    -- Where it was seen to be hot.
    warehouse_id  integer NOT NULL,
    -- Called so by inventory.set_hot(), until that is taken back.
    by_hand       boolean NOT NULL,
    -- Commands a second, when it was looked at last.
    rate          bigint  NOT NULL,
    since         timestamptz NOT NULL,
    cooling_since timestamptz
);

CREATE VIEW inventory.hot_skus AS
SELECT h.sku, h.warehouse_id, h.by_hand, h.rate, h.since FROM inventory.hot_sku AS h;

GRANT SELECT ON inventory.hot_skus TO inventory_reader;
