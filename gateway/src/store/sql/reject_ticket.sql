SELECT r.state FROM inventory.reject_ticket($1, $2, operator => $3) AS r
