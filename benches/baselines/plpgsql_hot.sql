SELECT * FROM plain.deduct('HOT', 1, p_request_id => gen_random_uuid());
