-- title: rows without a partner, of all
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, tenant integer NOT NULL, note text);
INSERT INTO orders SELECT i, i % 3000, repeat('o', 90) FROM generate_series(1, 120000) i;
CREATE TABLE claims (id bigint PRIMARY KEY, order_id bigint NOT NULL, note text);
INSERT INTO claims SELECT i, i % 100000 + 1, repeat('c', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT c.id FROM claims c WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.id = c.order_id);
