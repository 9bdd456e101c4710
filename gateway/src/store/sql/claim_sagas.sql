SELECT c.saga_id, c.fence FROM inventory.claim_sagas($1, $2, $3) AS c
