-- What version 0.1.0 was asked to do before it was dumped. `requests.txt` holds what it answered to
-- repeats of all that has a request id.
SELECT inventory.put_product('LAMP', 'Desk lamp', 20, request_id => '00000000-0000-4000-8000-000000000001', operator => 'ann', trace_id => 'trace-1');
SELECT inventory.put_product('TEA', 'Green tea', NULL, false, 'kg', '{"organic": true, "from": ["Uji", "Hangzhou"]}');
SELECT inventory.put_product('MILK', 'Milk, 1 litre', 10, true, 'carton');
SELECT inventory.put_product('Ä ''quoted'' "sku"', E'Back\\slash', 0);
SELECT inventory.put_product('GONE', 'Deleted later');
SELECT inventory.put_product('AGAIN', 'Deleted, and there again');
SELECT inventory.put_product('LOW', 'Low when it was dumped', 50);
SELECT inventory.put_product('NEVER', 'Never received');
SELECT inventory.put_warehouse(2, 'NORTH', 'North', request_id => '00000000-0000-4000-8000-000000000002');
SELECT inventory.put_warehouse(3, 'CLOSED', 'Deleted later');
SELECT inventory.put_warehouse(999, 'FAR', 'Ahead of the clock');

SELECT * FROM inventory.receive('LAMP', 500, request_id => '00000000-0000-4000-8000-000000000003', operator => 'ben');
SELECT * FROM inventory.receive('TEA', 1000000000000);
SELECT * FROM inventory.receive('MILK', 40, lot => 'A', expires_on => '2999-01-01', request_id => '00000000-0000-4000-8000-000000000004');
SELECT * FROM inventory.receive('MILK', 30, lot => 'B', expires_on => '2998-01-01');
SELECT * FROM inventory.receive('MILK', 20, lot => 'C');
SELECT * FROM inventory.receive('MILK', 15, lot => 'spoiled', expires_on => '2020-02-29');
SELECT * FROM inventory.receive('MILK', 12, 2, lot => 'A', expires_on => '2999-01-01');
SELECT * FROM inventory.receive('Ä ''quoted'' "sku"', 7, 999);
SELECT * FROM inventory.receive('GONE', 5);
SELECT * FROM inventory.receive('AGAIN', 5, 3);
SELECT * FROM inventory.receive('LOW', 60);

SELECT * FROM inventory.deduct('LAMP', 10, request_id => '00000000-0000-4000-8000-000000000005', operator => 'cy', trace_id => 'trace-5');
SELECT * FROM inventory.deduct('MILK', 35, request_id => '00000000-0000-4000-8000-000000000006');
SELECT * FROM inventory.deduct('MILK', 5, lot => 'C', reason => 'a named lot');
SELECT * FROM inventory.try_deduct('LAMP', 100000, request_id => '00000000-0000-4000-8000-0000000000ff');
SELECT * FROM inventory.try_deduct('LAMP', 1, request_id => '00000000-0000-4000-8000-000000000007');
SELECT * FROM inventory.deduct_many(
    ARRAY['00000000-0000-4000-8000-000000000008', '00000000-0000-4000-8000-000000000008', '00000000-0000-4000-8000-000000000009', NULL]::uuid[],
    ARRAY['LAMP', 'MILK', 'LOW', 'TEA'], ARRAY[3, 4, 15, 1]::bigint[], ARRAY[1, 2, 1, 1], ARRAY['web', 'web', 'web', 'web']);
SELECT * FROM inventory.adjust('LAMP', -2, E'fell "off"\\ the shelf', request_id => '00000000-0000-4000-8000-00000000000a');
SELECT * FROM inventory.adjust('TEA', 5, 'found');
SELECT * FROM inventory.recount('LAMP', 480, 'yearly count', expected_version => 5, request_id => '00000000-0000-4000-8000-00000000000b');
SELECT * FROM inventory.recount('TEA', 999, 'yearly count');
SELECT * FROM inventory.transfer('LAMP', 100, 1, 2, request_id => '00000000-0000-4000-8000-00000000000c');
SELECT * FROM inventory.transfer('MILK', 30, 1, 2, request_id => '00000000-0000-4000-8000-00000000000d');

SELECT * FROM inventory.deduct('GONE', 5, request_id => '00000000-0000-4000-8000-00000000000e');
SELECT inventory.delete_product('GONE', request_id => '00000000-0000-4000-8000-00000000000f');
SELECT * FROM inventory.deduct('AGAIN', 5, 3);
SELECT inventory.delete_product('AGAIN');
SELECT inventory.delete_warehouse(3, request_id => '00000000-0000-4000-8000-000000000010');
SELECT inventory.put_product('AGAIN', 'Deleted, and there again', 3);
SELECT * FROM inventory.receive('AGAIN', 4, request_id => '00000000-0000-4000-8000-000000000011');

-- Numbers: of a day on which the clock ran ahead, drawn alone, and of an order.
SELECT setval('inventory.order_number_999', extract(epoch FROM timestamptz '2150-01-01 00:00:00Z')::bigint * 1000000);
SELECT inventory.next_order_no(999), inventory.next_order_id(2);
SELECT * FROM inventory.deduct('Ä ''quoted'' "sku"', 2, 999, request_id => '00000000-0000-4000-8000-000000000012');

-- Movements in the second partition of the journal, and past the last.
SELECT setval('inventory.journal_id', 10000000);
SELECT * FROM inventory.deduct('LAMP', 1, 2, request_id => '00000000-0000-4000-8000-000000000013');
SELECT setval('inventory.journal_id', 100000000);
SELECT * FROM inventory.deduct('LAMP', 1, 2, request_id => '00000000-0000-4000-8000-000000000014');
SELECT * FROM inventory.verify();
