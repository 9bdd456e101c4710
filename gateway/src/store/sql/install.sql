SELECT inventory.install(shards => $1) AS answer
