SELECT l.returned FROM inventory.return_lease(lease_id => $1, holder => $2) AS l
