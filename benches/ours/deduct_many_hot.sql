-- A thousand orders of one line each; dividing by zero stops the client should one of them be refused.
SELECT 1 / (count(*) FILTER (WHERE code = 'ok') = 1000)::int FROM inventory.deduct_many(ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 1000)), array_fill('HOT'::text, ARRAY[1000]), array_fill(1::bigint, ARRAY[1000]));
