-- What 0.1.0 had locked and written of `deduct('LAMP', 7, request_id => '…15', operator => 'dee')` when its
-- transaction was still open; it had answered ok|20261124230332001000000|373|0|373|f.
LOCK TABLE inventory.stock IN ROW EXCLUSIVE MODE;
UPDATE inventory.stock_09 SET on_hand = 373, version = 8 WHERE sku = 'LAMP' AND warehouse_id = 1 AND lot = '';
INSERT INTO inventory.request VALUES ('00000000-0000-4000-8000-000000000015', '15a9c364-f295-3738-1b9e-045a8ed5b200',
    1795561412001000000, '{373,0,373}', 1, '2026-11-24 23:03:32.450288+00');
INSERT INTO inventory.journal VALUES (100000002, 1, pg_catalog.pg_current_xact_id(), '2026-11-24 23:03:32.450288+00',
    'STOCK_DEDUCTED', 'LAMP', 1, '', -7, 0, 373, 0, 8, '00000000-0000-4000-8000-000000000015',
    '20261124230332001000000', 'sale', 'dee', 'postgres', NULL);
