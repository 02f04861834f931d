-- title: a failed build left an invalid index
-- verdict: harmful
-- object: items
-- cure: none: exists_invalid
-- setup:
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
CREATE UNIQUE INDEX CONCURRENTLY items_order ON items (order_id);
-- query:
SELECT * FROM items WHERE order_id = $1;
-- truth:
SELECT * FROM items WHERE order_id = 5;
