SELECT s.name, s.address, s.state, s.relay, s.pending, s.lag_seconds, s.retrying, s.dead, s.delivered, s.failing_since,
       s.failure, s.created_at
  FROM inventory.sinks AS s
 ORDER BY s.name
