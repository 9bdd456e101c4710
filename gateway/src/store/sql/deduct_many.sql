-- One row an accepted order (that of its first line, which $6 marks) and every line of a refused
-- one: at twenty lines an order, most of what a row a line would send is never looked at.
SELECT r.line, r.code, r.order_no, r.available, r.replayed
  FROM inventory.deduct_many(request_ids => $1, skus => $2, qtys => $3,
                             warehouse_ids => $4, reasons => $5) AS r
 WHERE ($6::boolean[])[r.line] OR r.code <> 'ok'
 ORDER BY r.line
