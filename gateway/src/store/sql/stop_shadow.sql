SELECT inventory.stop_shadow($1) AS state
