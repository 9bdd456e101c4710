\set n random(1, 10000)
SELECT * FROM inventory.deduct_now('SKU-' || lpad(:n::text, 6, '0'), 1, request_id => gen_random_uuid());
