BEGIN;
SELECT on_hand, on_hand >= 1 AS enough FROM naive.stock WHERE sku = 'HOT' FOR UPDATE \gset
\if :enough
UPDATE naive.stock SET on_hand = on_hand - 1 WHERE sku = 'HOT';
INSERT INTO naive.audit (sku, before_qty, after_qty, reason, operator, request_id) VALUES ('HOT', :on_hand, :on_hand::bigint - 1, 'sale', 'bench', gen_random_uuid());
INSERT INTO naive.outbox (event_type, payload) VALUES ('STOCK_DEDUCTED', jsonb_build_object('sku', 'HOT', 'warehouse_id', 1, 'qty', 1, 'on_hand', :on_hand::bigint - 1));
COMMIT;
\else
ROLLBACK;
\endif
