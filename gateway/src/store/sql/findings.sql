SELECT d.topic, d.state, pg_catalog.count(*) AS count
  FROM inventory.doctor() AS d
 WHERE d.state <> 'ok'
 GROUP BY d.topic, d.state
