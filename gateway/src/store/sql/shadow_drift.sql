-- One snapshot: every row of the shadow beside what its source had at the same place in the journal.
SELECT d.sku, d.warehouse_id, d.lot, d.expected, d.on_hand, d.version, d.missing
  FROM inventory.shadow_drift AS d
