-- Newest first, those before $5.
SELECT a.id, a.sku_id AS sku, a.warehouse_id, a.before_qty, a.after_qty, a.reason, a.operator, a.trace_id,
       a.request_id, a.at
  FROM inventory.audit_log AS a
 WHERE ($1::text IS NULL OR a.sku_id = $1) AND ($2::integer IS NULL OR a.warehouse_id = $2)
   AND ($3::timestamptz IS NULL OR a.at >= $3) AND ($4::timestamptz IS NULL OR a.at < $4)
   AND ($5::bigint IS NULL OR a.id < $5)
 ORDER BY a.id DESC
 LIMIT $6
