SELECT k.changed FROM inventory.create_api_key($1, $2, $3, $4, $5) AS k
