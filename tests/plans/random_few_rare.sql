-- title: some at random of one customer
-- verdict: harmful
-- object: orders
-- cure: orders (customer_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, region text, created timestamp NOT NULL,
                     total numeric(10,2), note text);
INSERT INTO orders SELECT i, i::bigint * 7919 % 20000, CASE WHEN i % 100 < 97 THEN 'shipped' WHEN i % 100 < 99 THEN 'open' ELSE 'returned' END,
                          'r' || i % 12, timestamp '2024-01-01' + i * interval '3 minutes', i % 900 + 0.5, repeat('n', 90)
  FROM generate_series(1, 200000) i;
ANALYZE orders;
-- query:
SELECT id, total FROM orders WHERE customer_id = $1 ORDER BY random() LIMIT 5;
-- truth:
SELECT id, total FROM orders WHERE customer_id = 5 ORDER BY random() LIMIT 5;
