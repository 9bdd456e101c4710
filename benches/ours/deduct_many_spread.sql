-- Five hundred orders of one line each, from as many SKUs; dividing by zero stops the client should one of them be refused.
\set start random(1, 10000)
SELECT 1 / (count(*) FILTER (WHERE code = 'ok') = 500)::int FROM inventory.deduct_many(ARRAY(SELECT gen_random_uuid() FROM generate_series(1, 500)), ARRAY(SELECT 'SKU-' || lpad((1 + (:start + n * 19) % 10000)::text, 6, '0') FROM generate_series(1, 500) AS n), array_fill(1::bigint, ARRAY[500]));
