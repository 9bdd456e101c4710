-- Every function of the contract, in each way that reads differently: new, known, repeated, refused,
-- lapsed. A line ends with the code it is refused with, if it is. :r numbers the round.
\set bag 'BAG-' :r
\set cup 'CUP-' :r
\set milk 'MILK-' :r
\set gone 'GONE-' :r
\set ann '0000000' :r '-0000-4000-8000-000000000001'
\set ben '0000000' :r '-0000-4000-8000-000000000002'
\set cid '0000000' :r '-0000-4000-8000-000000000003'
\set dot '0000000' :r '-0000-4000-8000-000000000004'
\set eve '0000000' :r '-0000-4000-8000-000000000005'
\set fay '0000000' :r '-0000-4000-8000-000000000006'
\set gus '0000000' :r '-0000-4000-8000-000000000007'
\set hal '0000000' :r '-0000-4000-8000-000000000008'
\set ida '0000000' :r '-0000-4000-8000-000000000009'
\set jon '0000000' :r '-0000-4000-8000-00000000000a'
\set kay '0000000' :r '-0000-4000-8000-00000000000b'
\set mae '0000000' :r '-0000-4000-8000-00000000000d'

-- Master data.
SELECT * FROM inventory.put_product(:'bag', 'Bag', low_stock_threshold => 5, request_id => :'ann');
SELECT * FROM inventory.put_product(:'bag', 'Bag', low_stock_threshold => 5, request_id => :'ann');
SELECT * FROM inventory.put_product(:'cup', 'Cup', request_id => :'ann'); -- IV009
SELECT * FROM inventory.put_product(:'cup', 'Cup');
SELECT * FROM inventory.put_product(:'milk', 'Milk', lot_controlled => true, low_stock_threshold => 5);
SELECT * FROM inventory.put_product(:'gone', 'Gone');
SELECT * FROM inventory.put_warehouse(2, 'EAST', 'East');

-- Stock in.
SELECT * FROM inventory.receive(:'bag', 1000, request_id => :'ben');
SELECT * FROM inventory.receive(:'bag', 1000, request_id => :'ben');
SELECT * FROM inventory.receive(:'bag', 1000, warehouse_id => 2);
SELECT * FROM inventory.receive(:'cup', 1000);
SELECT * FROM inventory.receive('NO SUCH', 1); -- IV002
SELECT * FROM inventory.receive(:'bag', 1, warehouse_id => 998); -- IV003
SELECT * FROM inventory.receive(:'milk', 100, lot => 'a', expires_on => current_date + 9);
SELECT * FROM inventory.receive(:'milk', 100, lot => 'b', expires_on => current_date + 8);
SELECT * FROM inventory.receive(:'milk', 100, lot => 'a');

-- Stock out.
SELECT * FROM inventory.deduct(:'bag', 1);
SELECT * FROM inventory.deduct(:'bag', 1, request_id => :'cid');
SELECT * FROM inventory.deduct(:'bag', 1, request_id => :'cid');
SELECT * FROM inventory.deduct(:'bag', 2, request_id => :'cid'); -- IV009
SELECT * FROM inventory.deduct(:'bag', 100000); -- IV001
SELECT * FROM inventory.try_deduct(:'bag', 100000);
SELECT * FROM inventory.try_deduct(:'bag', 100000, request_id => :'cid');
SELECT * FROM inventory.try_deduct('NO SUCH', 1);
SELECT * FROM inventory.try_deduct(:'bag', 1, warehouse_id => 998);
SELECT * FROM inventory.try_deduct(:'bag', 1, warehouse_id => 2);
SELECT * FROM inventory.deduct_now(:'bag', 1);
SELECT * FROM inventory.deduct(:'milk', 150);
SELECT * FROM inventory.deduct(:'milk', 1, lot => 'a');
SELECT * FROM inventory.deduct(:'milk', 1, lot => 'no such'); -- IV011
SELECT * FROM inventory.deduct_many(ARRAY[:'dot', :'dot', NULL, :'cid']::uuid[], ARRAY[:'bag', :'milk', :'cup', :'bag'], ARRAY[1, 1, 100000, 1]);
SELECT * FROM inventory.deduct_many(ARRAY[:'dot', :'dot', NULL, :'cid']::uuid[], ARRAY[:'bag', :'milk', :'cup', :'bag'], ARRAY[1, 1, 100000, 1]);
SELECT count(*) FROM inventory.deduct_many(ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 500)), ARRAY(SELECT (ARRAY[:'bag', :'cup'])[1 + n % 2] FROM generate_series(1, 500) AS n), array_fill(1::bigint, ARRAY[500]));

-- Corrections and moves.
SELECT * FROM inventory.adjust(:'bag', -1, 'torn', request_id => :'eve');
SELECT * FROM inventory.adjust(:'bag', -1, 'torn', request_id => :'eve');
SELECT * FROM inventory.adjust(:'milk', -1, 'sour', lot => 'a');
SELECT * FROM inventory.recount(:'cup', 500, 'counted', expected_version => 0); -- IV012
SELECT * FROM inventory.recount(:'cup', 500, 'counted');
SELECT * FROM inventory.recount(:'milk', 90, 'counted', lot => 'a');
SELECT * FROM inventory.transfer(:'bag', 10, 1, 2);
SELECT * FROM inventory.transfer(:'milk', 10, 1, 2);
SELECT * FROM inventory.transfer(:'milk', 1, 2, 1, lot => 'a');

-- Order numbers.
SELECT inventory.next_order_no(), inventory.next_order_id(2);

-- Holds.
SELECT * FROM inventory.reserve(:'bag', 3, request_id => :'fay');
SELECT reservation_id AS hold FROM inventory.reserve(:'bag', 3, request_id => :'fay') \gset
SELECT * FROM inventory.confirm(:'hold', 2, request_id => :'gus');
SELECT * FROM inventory.confirm(:'hold', 2, request_id => :'gus');
SELECT * FROM inventory.release(:'hold'); -- IV007
SELECT reservation_id AS hold FROM inventory.reserve_many(NULL, ARRAY[:'bag', :'milk', :'cup'], ARRAY[1, 2, 3]) \gset
SELECT * FROM inventory.confirm(:'hold');
SELECT reservation_id AS hold FROM inventory.reserve(:'milk', 2) \gset
SELECT * FROM inventory.release(:'hold');
SELECT * FROM inventory.release(gen_random_uuid()); -- IV005
SELECT reservation_id AS hold FROM inventory.reserve(:'cup', 50) \gset
SELECT reservation_id AS next FROM inventory.reserve(:'milk', 20) \gset
SET auto_explain.log_min_duration = -1;
SELECT public.time_passes('1 hour', '%-' || :r);
SET auto_explain.log_min_duration = 0;
SELECT * FROM inventory.confirm(:'hold'); -- IV006
SELECT * FROM inventory.deduct(:'cup', 490);
SELECT * FROM inventory.deduct(:'milk', 10);

-- Orders.
SELECT order_no AS out FROM inventory.create_order('outbound', jsonb_build_array(jsonb_build_object('sku', :'bag', 'qty', 1), jsonb_build_object('sku', :'milk', 'qty', 1)), request_id => :'hal') \gset
SELECT order_no FROM inventory.create_order('outbound', jsonb_build_array(jsonb_build_object('sku', :'bag', 'qty', 1), jsonb_build_object('sku', :'milk', 'qty', 1)), request_id => :'hal');
SELECT * FROM inventory.complete_order(:'out'); -- IV008
SELECT * FROM inventory.start_order(:'out');
SELECT * FROM inventory.complete_order(:'out');
SELECT * FROM inventory.revert_order(:'out', 'sent back');
SELECT order_no AS out FROM inventory.create_order('outbound', jsonb_build_array(jsonb_build_object('sku', :'bag', 'qty', 1))) \gset
SELECT * FROM inventory.start_order(:'out');
SELECT * FROM inventory.fail_order(:'out', 'no carrier');
SELECT order_no AS back FROM inventory.create_order('inbound', jsonb_build_array(jsonb_build_object('sku', :'milk', 'qty', 5, 'lot', 'c')), external_ref => 'PO-1') \gset
SELECT * FROM inventory.start_order(:'back');
SELECT * FROM inventory.complete_order(:'back');
SELECT * FROM inventory.start_order('20000101000000001000001'); -- IV010

-- Under one snapshot the engine looks twice.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT * FROM inventory.receive(:'bag', 1, warehouse_id => 2);
SELECT * FROM inventory.deduct(:'milk', 1);
SELECT * FROM inventory.put_product(:'bag', 'Bag', low_stock_threshold => 2000);
SELECT * FROM inventory.put_warehouse(2, 'EAST', 'Eastern');
SELECT * FROM inventory.create_order('outbound', jsonb_build_array(jsonb_build_object('sku', :'bag', 'qty', 1)));
SELECT * FROM inventory.delete_product(:'gone');
COMMIT;

-- What goes again.
SELECT * FROM inventory.put_product(:'gone', 'Gone');
SELECT * FROM inventory.delete_product(:'gone');
SELECT * FROM inventory.delete_product(:'bag'); -- IV015
SELECT * FROM inventory.put_warehouse(9, 'NINE', 'Nine');
SELECT * FROM inventory.delete_warehouse(9);

-- Hot SKUs.
SELECT * FROM inventory.set_hot(:'bag', true);
SELECT * FROM inventory.set_hot(:'bag', false);

-- What the gateway asks.
SELECT count(*) FROM inventory.execute_many(ARRAY['deduct', 'reserve', 'receive', 'deduct'], ARRAY[:'ida', NULL, NULL, NULL]::uuid[], ARRAY[:'bag', :'bag', :'milk', 'NO SUCH'], ARRAY[1, 1, 1, 1], lots => ARRAY[NULL, NULL, 'a', NULL]);
SELECT count(*) FROM inventory.execute_many(ARRAY['deduct', 'deduct'], ARRAY[:'ida', NULL]::uuid[], ARRAY[:'bag', :'milk'], ARRAY[1, 1], wait => true);
SELECT lease_id AS lease FROM inventory.take_lease(:'milk', 5, 'gate', 'token', request_id => :'jon') \gset
SELECT * FROM inventory.take_lease(:'milk', 5, 'gate', 'token', request_id => :'jon');
SELECT * FROM inventory.renew_leases('gate', ARRAY[:'lease', :'ann']::uuid[], '1 minute');
SELECT * FROM inventory.settle_lease(:'lease', 'gate', ARRAY[:'kay', gen_random_uuid()]::uuid[], ARRAY[2, 9]);
SELECT * FROM inventory.settle_lease(:'lease', 'gate', ARRAY[:'kay']::uuid[], ARRAY[2]);
SELECT * FROM inventory.return_lease(:'lease', 'gate');
SELECT * FROM inventory.return_lease(:'lease', 'thief'); -- IV005
SELECT * FROM inventory.repair_leases('1 hour');
SELECT looked, ticket_id AS ticket FROM (SELECT now() AS looked) AS n, inventory.report_findings('database', n.looked, ARRAY['on_hand', 'on_hand', 'negative'], ARRAY[:'bag' || ' in 1', :'milk' || ' in 1, lot a', :'cup' || ' in 1'], ARRAY['1', '1', '1'], ARRAY['2', '2', '2']) WHERE line = 1 \gset
SELECT * FROM inventory.report_findings('database', :'looked', ARRAY['on_hand'], ARRAY[:'bag' || ' in 1'], ARRAY['1'], ARRAY['2']);
SELECT * FROM inventory.run_ticket(:ticket); -- IV008
SELECT * FROM inventory.confirm_ticket(:ticket, request_id => :'mae');
SELECT * FROM inventory.confirm_ticket(:ticket, request_id => :'mae');
SELECT * FROM inventory.run_ticket(:ticket);
SELECT * FROM inventory.run_ticket(:ticket);
SELECT * FROM inventory.reject_ticket(:ticket + 1, 'as it is');
SELECT inventory.start_shadow('main ' || :r, 1000);
SELECT * FROM inventory.feed_shadow('main ' || :r, NULL, 'c', now(), ARRAY[1, 2], ARRAY[:'bag', :'cup'], ARRAY[1, 1], ARRAY[NULL, NULL]::text[], ARRAY[1, -1], ARRAY[1, 1], ARRAY[1, 1]);
SELECT * FROM inventory.feed_shadow('main ' || :r, NULL, 'c', now(), ARRAY[1], ARRAY[:'bag'], ARRAY[1], ARRAY[NULL]::text[], ARRAY[1], ARRAY[1], ARRAY[1]);
SELECT inventory.stop_shadow('main ' || :r);
SELECT * FROM inventory.create_api_key('k' || :r, 'Key', 'reader', sha256(:'ann'));
SELECT * FROM inventory.touch_api_keys(ARRAY['k' || :r], ARRAY[now()]);
SELECT count(*) FROM inventory.api_keys();
SELECT * FROM inventory.revoke_api_key('k' || :r);

-- Sagas: an order that the engine carries out, one of services that goes back, and one that is tried again.
\set lil '0000000' :r '-0000-4000-8000-00000000000c'
\set order '{"steps": [{"name": "reserve", "participant": "engine", "action": "reserve", "compensation": "release"}, {"name": "charge", "participant": "account", "action": "charge", "compensation": "refund", "retry": {"tries": 1}}, {"name": "confirm", "participant": "engine", "action": "confirm"}]}'
\set input '{"lines": [{"sku": "' :bag '", "quantity": 1}]}'
SELECT saga_id AS saga FROM inventory.begin_saga('order', :'order', :'input', request_id => :'lil') \gset
SELECT * FROM inventory.begin_saga('order', :'order', :'input', request_id => :'lil');
SELECT * FROM inventory.begin_saga('order', :'order', '{}'); -- IV004
SELECT fence AS fence FROM inventory.claim_sagas('gate', '1 minute', 1) \gset
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute');
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute');
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute', step => 2, direction => 'action', outcome => 'unknown');
SELECT * FROM inventory.retry_saga(:'saga');
SELECT * FROM inventory.retry_saga(:'saga'); -- IV017
SELECT fence AS fence FROM inventory.claim_sagas('gate', '1 minute', 1) \gset
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute');
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute', step => 2, direction => 'action', outcome => 'done', answer => '{"paid": 1}');
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute');
SELECT * FROM inventory.advance_saga(:'saga', :fence, '1 minute');
SELECT * FROM inventory.remembered_requests(ARRAY[:'ida', NULL]::uuid[]);
SELECT * FROM inventory.remembered_requests(ARRAY[:'ida', :'ida', '00000000-0000-4000-8000-00000000000f']::uuid[]);
-- What relays ask and tell.
SELECT inventory.events_now() AS now \gset
SELECT * FROM inventory.put_sink('old' || :r, 'stdout:', true);
SELECT * FROM inventory.put_sink('new' || :r, 'stdout:');
SELECT * FROM inventory.put_sink('new' || :r, 'stdout:');
SELECT inventory.deduct(:'bag', 1);
SELECT count(*) FROM inventory.read_events(:'now');
SELECT * FROM inventory.take_turns('relay' || :r);
SELECT t.turn AS turn FROM inventory.take_turns('relay' || :r) AS t WHERE t.sink = 'new' || :r \gset
SELECT e.id AS event, e.cursor AS behind FROM inventory.read_events(:'now', 1) AS e \gset
SELECT * FROM inventory.save_progress('new' || :r, :turn, :'behind', 1, park_ids => ARRAY[:event]::bigint[], park_skus => ARRAY[:'bag'], park_attempts => ARRAY[8], park_waits => ARRAY[NULL]::interval[], park_errors => ARRAY['no']);
SELECT * FROM inventory.redrive(:event);
SELECT count(*) FROM inventory.due_events('new' || :r);
SELECT * FROM inventory.save_progress('new' || :r, :turn, settled => ARRAY[:event]::bigint[]);
SELECT * FROM inventory.pause_sink('new' || :r);
SELECT * FROM inventory.resume_sink('new' || :r, true);
SELECT * FROM inventory.give_turns('relay' || :r);
SELECT * FROM inventory.drop_sink('new' || :r);
SELECT * FROM inventory.drop_sink('old' || :r);

-- Care.
SELECT * FROM inventory.maintain();
SELECT * FROM inventory.maintain();
SELECT * FROM inventory.doctor();
