INSERT INTO inventory_demo_scratch.stock (sku, on_hand) VALUES ($1, $2)
