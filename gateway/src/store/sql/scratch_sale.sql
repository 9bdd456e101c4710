INSERT INTO inventory_demo_scratch.sale (sku, qty) VALUES ($1, $2)
