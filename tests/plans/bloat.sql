-- Three dead versions of every row that ever changes.
DO $$ BEGIN FOR n IN 1 .. 3 LOOP
    UPDATE inventory.stock SET on_hand = on_hand;
    UPDATE inventory.product SET name = name;
    UPDATE inventory.request SET movements = movements;
    UPDATE inventory.reservation SET xid = NULL;
    UPDATE inventory.reservation_line SET quantity = quantity;
    UPDATE inventory.orders SET reason = reason;
END LOOP; END $$;
