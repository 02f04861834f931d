-- title: an insert of values
-- verdict: rightful
-- setup:
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
-- query:
INSERT INTO items VALUES ($1, $2, $3, $4, $5);
-- truth:
SELECT 1;
