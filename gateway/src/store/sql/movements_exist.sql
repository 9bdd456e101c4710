SELECT EXISTS (SELECT FROM inventory.audit_log) AS found
