-- What people ask the views, by key or for a page.
SELECT * FROM inventory.products WHERE sku = 'P77';
SELECT * FROM inventory.warehouses WHERE warehouse_id = 1;
SELECT * FROM inventory.hot_skus;
SELECT * FROM inventory.stock_now WHERE sku = 'P77';
SELECT * FROM inventory.stock_level WHERE sku = 'P77';
SELECT * FROM inventory.stock_level WHERE sku = 'P77' AND warehouse_id = 1;
SELECT * FROM inventory.stock_level WHERE sku = ANY (ARRAY['P77', 'P78']) AND warehouse_id = 1;
SELECT * FROM inventory.stock_lot WHERE sku = 'P50';
SELECT * FROM inventory.low_stock WHERE sku = 'P77';
SELECT * FROM inventory.low_stock;
SELECT * FROM inventory.leases WHERE lease_id = :'hold';
SELECT * FROM inventory.leases WHERE state = 'OPEN';
SELECT * FROM inventory.repair_tickets WHERE open ORDER BY ticket_id LIMIT 10;
SELECT * FROM inventory.shadows WHERE source = 'main';
SELECT * FROM inventory.shadow_drift;
SELECT * FROM inventory.repair_tickets WHERE ticket_id = 7;
SELECT * FROM inventory.sagas WHERE saga_id = :'hold';
SELECT * FROM inventory.sagas WHERE state = 'NEEDS_ATTENTION' ORDER BY saga_id DESC LIMIT 20;
SELECT * FROM inventory.sagas ORDER BY saga_id DESC LIMIT 20;
SELECT * FROM inventory.saga_steps WHERE saga_id = :'hold';
SELECT * FROM inventory.reservations WHERE reservation_id = :'hold';
SELECT * FROM inventory.order_status WHERE order_no = '20170714000000001000077';
SELECT * FROM inventory.order_status WHERE external_ref = 'shop 77';
SELECT * FROM inventory.order_status ORDER BY order_no DESC LIMIT 20;
SELECT * FROM inventory.order_lines WHERE order_no = '20170714000000001000077';
SELECT * FROM inventory.order_history WHERE order_no = '20170714000000001000077';
SELECT * FROM inventory.audit_log WHERE sku_id = 'P77';
SELECT * FROM inventory.audit_log WHERE sku_id = 'P77' ORDER BY id DESC LIMIT 20;
SELECT * FROM inventory.audit_log ORDER BY id DESC LIMIT 20;
SELECT * FROM inventory.outbox WHERE id = 5000000;
SELECT * FROM inventory.outbox WHERE id > 5000000 ORDER BY id LIMIT 20;
SELECT * FROM inventory.outbox ORDER BY id DESC LIMIT 20;
SELECT * FROM inventory.event WHERE id > 5000000 ORDER BY id LIMIT 20;
SELECT * FROM inventory.parked_events WHERE status = 'DEAD' ORDER BY id DESC LIMIT 20;
SELECT * FROM inventory.sinks;

-- What a relay asks, whose cursor is a snapshot and the last id that was given before it: the rows of transactions that
-- came since, and those of transactions that were under way then, behind the last id before they began. Pinned, as are
-- all plans of ours that are kept.
SET enable_seqscan = off;
SELECT * FROM inventory.journal WHERE id > 98980000 AND xid >= '32000'::xid8 ORDER BY id LIMIT 1000;
SELECT * FROM inventory.journal WHERE id > 98890000 AND xid = ANY ('{32971,32990}'::xid8[]) ORDER BY id;
RESET enable_seqscan;
