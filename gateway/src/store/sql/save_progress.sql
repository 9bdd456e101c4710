SELECT inventory.save_progress(sink => $1, turn => $2, cursor => $3, delivered => $4, settled => $5, park_ids => $6,
                               park_skus => $7, park_attempts => $8, park_waits => $9, park_errors => $10,
                               failure => $11) AS saved
