-- title: moves rows by WITH
-- verdict: harmful
-- object: items
-- cure: items (order_id)
-- setup:
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
-- query:
WITH gone AS (DELETE FROM items WHERE order_id = $1 RETURNING *) SELECT count(*) FROM gone;
-- truth:
WITH gone AS (DELETE FROM items WHERE order_id = 9 RETURNING *) SELECT count(*) FROM gone;
