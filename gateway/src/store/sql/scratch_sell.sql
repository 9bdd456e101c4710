SELECT inventory_demo_scratch.sell($1, $2) AS sold
