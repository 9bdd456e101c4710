\set n random(1, 10000)
SELECT * FROM plain.deduct('SKU-' || lpad(:n::text, 6, '0'), 1, p_request_id => gen_random_uuid());
