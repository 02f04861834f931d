-- title: the index begins with another column
-- verdict: harmful
-- object: items
-- cure: items (order_id)
-- setup:
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
CREATE INDEX ON items (product_id, order_id); ANALYZE items;
-- query:
SELECT * FROM items WHERE order_id = $1;
-- truth:
SELECT * FROM items WHERE order_id = 88;
