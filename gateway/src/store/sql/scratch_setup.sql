-- The shops of the demo's race that keep their stock by themselves: what many applications have.
CREATE SCHEMA inventory_demo_scratch;
CREATE TABLE inventory_demo_scratch.stock (sku text PRIMARY KEY, on_hand bigint NOT NULL);
CREATE TABLE inventory_demo_scratch.sale (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text NOT NULL, qty bigint NOT NULL);
CREATE FUNCTION inventory_demo_scratch.sell(p_sku text, p_qty bigint) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    UPDATE inventory_demo_scratch.stock AS s SET on_hand = s.on_hand - p_qty
     WHERE s.sku = p_sku AND s.on_hand >= p_qty;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO inventory_demo_scratch.sale (sku, qty) VALUES (p_sku, p_qty);
    RETURN true;
END
$$;
