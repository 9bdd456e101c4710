-- The naive shop of the demo: what many applications have.
CREATE SCHEMA inventory_demo_scratch;
CREATE TABLE inventory_demo_scratch.stock (sku text PRIMARY KEY, on_hand bigint NOT NULL);
CREATE TABLE inventory_demo_scratch.sale (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, sku text NOT NULL, qty bigint NOT NULL);
