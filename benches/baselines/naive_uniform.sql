\set n random(1, 10000)
BEGIN;
SELECT on_hand, on_hand >= 1 AS enough FROM naive.stock WHERE sku = 'SKU-' || lpad(:n::text, 6, '0') FOR UPDATE \gset
\if :enough
UPDATE naive.stock SET on_hand = on_hand - 1 WHERE sku = 'SKU-' || lpad(:n::text, 6, '0');
INSERT INTO naive.audit (sku, before_qty, after_qty, reason, operator, request_id) VALUES ('SKU-' || lpad(:n::text, 6, '0'), :on_hand, :on_hand::bigint - 1, 'sale', 'bench', gen_random_uuid());
INSERT INTO naive.outbox (event_type, payload) VALUES ('STOCK_DEDUCTED', jsonb_build_object('sku', 'SKU-' || lpad(:n::text, 6, '0'), 'warehouse_id', 1, 'qty', 1, 'on_hand', :on_hand::bigint - 1));
COMMIT;
\else
ROLLBACK;
\endif
