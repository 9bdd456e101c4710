SELECT l.line, l.sku, l.quantity, l.named_lot, l.lot, l.lot_quantity
  FROM inventory.order_lines AS l
 WHERE l.order_no = $1
 ORDER BY l.line, l.lot
