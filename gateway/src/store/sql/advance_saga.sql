SELECT a.next, a.step, a.direction, a.call
  FROM inventory.advance_saga($1, $2, $3, step => $4, direction => $5, outcome => $6, answer => $7, detail => $8) AS a
