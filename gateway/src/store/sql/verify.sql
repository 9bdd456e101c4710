SELECT v.check_name, v.subject, v.expected, v.actual FROM inventory.verify() AS v
