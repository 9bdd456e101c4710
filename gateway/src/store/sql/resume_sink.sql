SELECT s.changed FROM inventory.resume_sink($1, $2) AS s
