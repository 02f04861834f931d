-- title: an insert that reads by an unindexed column
-- verdict: harmful
-- object: items
-- cure: items (product_id)
-- setup:
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
CREATE TABLE picked (order_id bigint, qty integer);
-- query:
INSERT INTO picked SELECT order_id, qty FROM items WHERE product_id = $1;
-- truth:
INSERT INTO picked SELECT order_id, qty FROM items WHERE product_id = 9;
