SELECT w.warehouse_id, w.code, w.name FROM inventory.warehouses AS w ORDER BY w.warehouse_id
