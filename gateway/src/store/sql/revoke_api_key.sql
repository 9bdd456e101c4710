SELECT k.changed FROM inventory.revoke_api_key($1) AS k
