SELECT inventory.give_turns($1, $2) AS given
