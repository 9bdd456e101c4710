-- Years of trade, written past the engine: as many rows as make a scan of any of these tables worse
-- than a look-up. Whatever the calls are about has few of them.
INSERT INTO inventory.warehouse SELECT n, 'W' || n, 'Warehouse ' || n FROM generate_series(3, 8) AS n;
SELECT setval('inventory.order_number_001', greatest(last_value, extract(epoch FROM now())::bigint * 1000000)) FROM inventory.order_number_001;
INSERT INTO inventory.product (sku, name, low_stock_threshold, lot_controlled, unit, attributes, created_at, updated_at)
SELECT 'P' || n, 'Product ' || n, CASE WHEN n % 3 = 0 THEN 10 END, n % 50 = 0, 'each', '{}', now(), now()
  FROM generate_series(1, 5000) AS n;
INSERT INTO inventory.stock (sku, warehouse_id, lot, on_hand, reserved, version, received_at, lot_controlled, low_at)
SELECT p.sku, w, '', CASE WHEN p.lot_controlled THEN 0 ELSE 1000 END, 0, 1, now(), p.lot_controlled, p.low_stock_threshold
  FROM inventory.product AS p, generate_series(1, 2) AS w WHERE p.sku LIKE 'P%';
INSERT INTO inventory.stock (sku, warehouse_id, lot, on_hand, reserved, version, received_at, lot_controlled, low_at)
SELECT p.sku, 1, 'lot ' || n, 10, 0, 1, now(), true, p.low_stock_threshold
  FROM inventory.product AS p, generate_series(1, 20) AS n WHERE p.lot_controlled AND p.sku LIKE 'P%';
-- A few are low, and every watched shelf of lots may be.
UPDATE inventory.stock SET on_hand = 1 WHERE sku LIKE 'P%00' AND on_hand = 1000;
UPDATE inventory.stock SET low = true WHERE on_hand <= low_at AND NOT low;
-- Ids as far apart as make them fill every partition.
INSERT INTO inventory.journal (id, generation, xid, at, event_type, sku, warehouse_id, lot, on_hand_delta, reserved_delta,
                               on_hand, reserved, version, request_id, order_no, db_user, extra)
SELECT n * 3000, 1, n::text::xid8, now() - interval '1 day' + n * interval '0.5 second',
       CASE WHEN n % 20 = 0 THEN 'ORDER_STATE_CHANGED' ELSE 'STOCK_DEDUCTED' END,
       CASE WHEN n % 20 > 0 THEN 'P' || n % 5000 END, 1, '', 0, 0, 1, 0, CASE WHEN n % 20 > 0 THEN n END,
       gen_random_uuid(), 20240101000000001000000 + n, 'somebody', CASE WHEN n % 20 = 0 THEN '{"from": "PENDING"}'::jsonb END
  FROM generate_series(300, 33000) AS n;
SELECT setval('inventory.journal_id', 99500000);
INSERT INTO inventory.journal_base SELECT 'P' || n, 1, '', 0, 0, 0 FROM generate_series(1, 5000) AS n;
INSERT INTO inventory.request (request_id, fingerprint, levels, movements, at)
SELECT gen_random_uuid(), gen_random_uuid(), '{1,2,3}', 1, now() - n * interval '10 seconds' FROM generate_series(1, 20000) AS n;
INSERT INTO inventory.reservation (reservation_id, state, expires_at, created_at, closed_at)
SELECT gen_random_uuid(), CASE WHEN n % 2 = 0 THEN 'HELD' ELSE 'RELEASED' END, now() + interval '10 hours', now(),
       CASE WHEN n % 2 = 1 THEN now() END FROM generate_series(1, 10000) AS n;
INSERT INTO inventory.reservation_line (reservation_id, line, sku, warehouse_id, lot, quantity, expires_at, open)
SELECT r.reservation_id, n, 'P' || 1 + (random() * 4999)::int, 1, '', 1, r.expires_at, r.state = 'HELD'
  FROM inventory.reservation AS r, generate_series(1, 2) AS n WHERE r.expires_at > now() + interval '9 hours';
INSERT INTO inventory.lease (lease_id, sku, warehouse_id, holder, purpose, granted, sold, generation, state, created_at, expires_at)
SELECT gen_random_uuid(), 'P' || n % 5000, 1, 'gate', 'token', 5, 0, 1, CASE WHEN n % 500 = 0 THEN 'OPEN' ELSE 'RETURNED' END,
       now(), now() + interval '1 hour' FROM generate_series(1, 10000) AS n;
INSERT INTO inventory.saga (saga_id, name, definition, input, state, due_at, fence, generation, created_at, changed_at)
SELECT gen_random_uuid(), 'old', '{"steps": [{"name": "a", "participant": "b", "action": "c"}]}', '{}',
       CASE WHEN n % 100 > 1 THEN 'COMPLETED' WHEN n % 100 = 1 THEN 'NEEDS_ATTENTION' ELSE 'RUNNING' END,
       CASE WHEN n % 100 = 0 THEN now() + interval '1 day' END, 1, 1, now(), now() FROM generate_series(1, 10000) AS n;
INSERT INTO inventory.saga_step (saga_id, step, direction, state, asked, tries, began_at, changed_at)
SELECT s.saga_id, 1, 'action', 'DONE', 1, 1, now(), now() FROM inventory.saga AS s WHERE s.name = 'old' AND s.state = 'COMPLETED';
INSERT INTO inventory.orders (order_id, order_no, direction, warehouse_id, state, external_ref, created_at, changed_at)
SELECT 1500000000001000000 + n, 20170714000000001000000 + n, 'outbound', 1 + n % 2,
       CASE WHEN n % 10 = 0 THEN 'PENDING' ELSE 'FAILED' END, 'shop ' || n, now(), now() FROM generate_series(1, 10000) AS n;
INSERT INTO inventory.order_line (order_id, line, sku, lot, quantity)
SELECT o.order_id, n, 'P' || 1 + (random() * 4999)::int, '', 1 FROM inventory.orders AS o, generate_series(1, 2) AS n WHERE o.external_ref LIKE 'shop %';
