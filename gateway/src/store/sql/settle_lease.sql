SELECT s.code, s.detail, s.order_no, s.on_hand, s.available, s.replayed
  FROM inventory.settle_lease(lease_id => $1, holder => $2, request_ids => $3, qtys => $4, operators => $5,
                              trace_ids => $6, keep => $7) AS s
 ORDER BY s.line
