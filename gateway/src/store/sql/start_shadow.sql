SELECT inventory.start_shadow($1, $2, $3) AS cursor
