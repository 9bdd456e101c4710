SELECT * FROM inventory.deduct_now('HOT', 1, request_id => gen_random_uuid());
