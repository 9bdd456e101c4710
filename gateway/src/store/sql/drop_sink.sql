SELECT s.changed FROM inventory.drop_sink($1) AS s
