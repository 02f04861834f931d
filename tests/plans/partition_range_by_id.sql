-- title: one value of the key of range partitions that have no index
-- verdict: harmful
-- object: orders
-- cure: orders (id)
-- setup:
CREATE TABLE orders (id bigint, state text, pad text) PARTITION BY RANGE (id);
CREATE TABLE orders_0 PARTITION OF orders FOR VALUES FROM (0) TO (150000);
CREATE TABLE orders_1 PARTITION OF orders FOR VALUES FROM (150000) TO (300000);
INSERT INTO orders SELECT i, 'open', repeat('p', 100) FROM generate_series(1, 299999) i;
ANALYZE;
-- query:
SELECT * FROM orders WHERE id = $1;
-- truth:
SELECT * FROM orders WHERE id = 777;
