SELECT o.order_no, o.order_id, o.direction, o.warehouse_id, o.external_ref, o.state, o.reason, o.reservation_id,
       o.created_at, o.changed_at
  FROM inventory.order_status AS o
 WHERE o.order_no = $1
