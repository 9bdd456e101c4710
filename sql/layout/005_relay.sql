-- Layout 5: how far each sink has been told.

-- The name by which its events are known outside, and the last id of what has left the journal.
ALTER TABLE inventory.installation ADD COLUMN source uuid NOT NULL DEFAULT pg_catalog.gen_random_uuid();
ALTER TABLE inventory.installation ADD COLUMN journal_cut_id bigint NOT NULL DEFAULT 0;

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
