-- Only where inventory.installation exists; the shards are the leaves of stock.
SELECT i.layout, i.generation,
       (SELECT pg_catalog.count(*) FROM pg_catalog.pg_inherits AS h
         WHERE h.inhparent = 'inventory.stock'::pg_catalog.regclass) AS shards
  FROM inventory.installation AS i
