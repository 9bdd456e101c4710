SELECT r.request_id FROM inventory.remembered_requests(request_ids => $1) AS r
