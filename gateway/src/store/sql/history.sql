SELECT a.id, a.sku_id AS sku, a.warehouse_id, a.before_qty, a.after_qty, a.reason, a.operator, a.trace_id,
       a.request_id,
       pg_catalog.to_char(a.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS at
  FROM inventory.audit_log AS a
 WHERE a.sku_id = $1 AND ($2::integer IS NULL OR a.warehouse_id = $2)
 ORDER BY a.id DESC
 LIMIT $3
