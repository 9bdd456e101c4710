SELECT w.warehouse_id, w.code, w.name FROM inventory.warehouse AS w ORDER BY w.warehouse_id
