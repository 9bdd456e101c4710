SELECT f.state, f.applied, f.refused
  FROM inventory.feed_shadow($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) AS f
