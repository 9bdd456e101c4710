-- Of each state at most so many.
SELECT n.state, (SELECT pg_catalog.count(*) FROM (
           SELECT FROM inventory.sagas AS s WHERE s.state = n.state LIMIT $1) AS few) AS sagas
  FROM pg_catalog.unnest(ARRAY['RUNNING', 'REVERTING', 'NEEDS_ATTENTION']) AS n (state)
