SELECT inventory.events_now() AS cursor
