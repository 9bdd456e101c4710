SELECT l.lease_id, l.state, l.expires_at FROM inventory.renew_leases(holder => $1, lease_ids => $2, ttl => $3) AS l
