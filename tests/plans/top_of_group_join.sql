-- title: the best customers by revenue: all is summed up
-- verdict: rightful
-- setup:
CREATE TABLE customers (id integer PRIMARY KEY, name text, pad text);
INSERT INTO customers SELECT i, 'c' || i, repeat('c', 100) FROM generate_series(1, 100000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric, note text);
INSERT INTO orders SELECT i, i::bigint * 7919 % 100000 + 1, i % 77, repeat('o', 80) FROM generate_series(1, 200000) i;
CREATE INDEX ON orders (customer_id);
ANALYZE;
-- query:
SELECT c.name, sum(o.total) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.id, c.name ORDER BY 2 DESC LIMIT 10;
