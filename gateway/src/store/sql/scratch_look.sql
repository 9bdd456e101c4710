SELECT on_hand FROM inventory_demo_scratch.stock WHERE sku = $1
