SELECT t.sink, t.target, t.cursor, t.turn, t.give_back, t.source FROM inventory.take_turns($1, $2) AS t
