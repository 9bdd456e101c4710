SELECT (SELECT coalesce(sum(qty), 0)::bigint FROM inventory_demo_scratch.sale) AS sold,
       (SELECT on_hand FROM inventory_demo_scratch.stock WHERE sku = $1) AS on_hand
