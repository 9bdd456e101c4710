SELECT h.from_state, h.to_state, h.reason, h.operator, h.trace_id, h.at
  FROM inventory.order_history AS h
 WHERE h.order_no = $1
 ORDER BY h.at, h.from_state NULLS FIRST
