-- title: a page so far behind that nearly all of the table is read and left out
-- verdict: harmful
-- object: orders
-- cure: none: rewrite
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, total numeric(10,2), note text);
INSERT INTO orders SELECT i, i * 7919 % 20000, CASE WHEN i % 100 < 97 THEN 'shipped' ELSE 'open' END, i % 900 + 0.5, repeat('n', 90)
  FROM generate_series(1, 200000) i;
ANALYZE orders;
-- query:
SELECT id, total FROM orders ORDER BY id LIMIT 20 OFFSET 150000;
