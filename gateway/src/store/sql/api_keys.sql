SELECT k.key_id, k.name, k.role, k.key_hash, k.created_at, k.expires_at, k.last_used_at, k.revoked_at
  FROM inventory.api_keys() AS k
 ORDER BY k.created_at, k.key_id
