UPDATE inventory_demo_scratch.stock SET on_hand = $2 WHERE sku = $1
