SELECT t.step, t.name, t.participant, t.direction, t.call, t.state, t.asked, t.answer, t.detail, t.began_at, t.changed_at
  FROM inventory.saga_steps AS t WHERE t.saga_id = $1
 ORDER BY t.began_at, t.step, t.direction
