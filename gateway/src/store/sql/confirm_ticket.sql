SELECT c.state FROM inventory.confirm_ticket($1, counted => $2, operator => $3) AS c
