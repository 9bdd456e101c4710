SELECT d.topic, d.state, d.finding, d.advice FROM inventory.doctor() AS d
