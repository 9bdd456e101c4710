SELECT l.lease_id, l.sold FROM inventory.leases AS l WHERE l.lease_id = ANY ($1)
