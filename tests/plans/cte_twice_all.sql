-- title: a CTE that is read twice, once whole
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, region text, created timestamp NOT NULL,
                     total numeric(10,2), note text);
INSERT INTO orders SELECT i, i::bigint * 7919 % 20000, CASE WHEN i % 100 < 97 THEN 'shipped' WHEN i % 100 < 99 THEN 'open' ELSE 'returned' END,
                          'r' || i % 12, timestamp '2024-01-01' + i * interval '3 minutes', i % 900 + 0.5, repeat('n', 90)
  FROM generate_series(1, 200000) i;
ANALYZE orders;
-- query:
WITH o AS (SELECT customer_id, region, total FROM orders) SELECT region, sum(total), (SELECT count(*) FROM o WHERE customer_id = $1) FROM o GROUP BY region;
