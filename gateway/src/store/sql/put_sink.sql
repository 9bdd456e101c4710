SELECT s.created FROM inventory.put_sink(name => $1, target => $2, from_beginning => $3) AS s
