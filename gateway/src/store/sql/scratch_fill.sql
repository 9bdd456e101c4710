INSERT INTO inventory_demo_scratch.stock AS s (sku, on_hand) VALUES ($1, $2)
ON CONFLICT (sku) DO UPDATE SET on_hand = excluded.on_hand
