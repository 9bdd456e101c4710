SELECT f.source, f.share, f.share_by, f.state, f.cursor, f.applied, f.refused, f.caught_up_at
  FROM inventory.shadows AS f
 ORDER BY f.source LIMIT $1
