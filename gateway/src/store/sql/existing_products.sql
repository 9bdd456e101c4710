SELECT p.sku FROM inventory.product AS p JOIN unnest($1::text[]) AS c (sku) ON c.sku = p.sku
