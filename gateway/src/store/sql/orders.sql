-- Newest first, those before $4.
SELECT o.order_no, o.order_id, o.direction, o.warehouse_id, o.external_ref, o.state, o.reason, o.reservation_id,
       o.created_at, o.changed_at
  FROM inventory.order_status AS o
 WHERE ($1::text IS NULL OR o.state = $1) AND ($2::integer IS NULL OR o.warehouse_id = $2)
   AND ($3::text IS NULL OR o.external_ref = $3) AND ($4::bigint IS NULL OR o.order_id < $4)
 ORDER BY o.order_id DESC
 LIMIT $5
