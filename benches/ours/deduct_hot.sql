SELECT * FROM inventory.deduct('HOT', 1, request_id => gen_random_uuid());
