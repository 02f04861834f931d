-- title: is there any of a frequent kind, as Entity Framework asks
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, status text NOT NULL, total numeric(10,2), note text);
INSERT INTO orders SELECT i, CASE WHEN i % 40 = 0 THEN 'open' ELSE 'shipped' END, i % 900 + 0.5, repeat('x', 110) FROM generate_series(1, 200000) i;
ANALYZE orders;
-- query:
SELECT EXISTS (SELECT 1 FROM orders AS o WHERE o.status = 'open');
