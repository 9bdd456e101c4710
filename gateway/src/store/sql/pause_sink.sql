SELECT s.changed FROM inventory.pause_sink($1) AS s
