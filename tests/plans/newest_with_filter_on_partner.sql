-- title: the newest orders of a kind of customer, each kind common
-- verdict: rightful
-- setup:
CREATE TABLE customers (id integer PRIMARY KEY, kind text, pad text);
INSERT INTO customers SELECT i, 'k' || i % 3, repeat('c', 120) FROM generate_series(1, 100000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, created timestamptz NOT NULL, note text);
INSERT INTO orders SELECT i, i::bigint * 7919 % 100000 + 1, timestamptz '2024-01-01 00:00+00' + i * interval '1 minute', repeat('o', 80) FROM generate_series(1, 200000) i;
CREATE INDEX ON orders (created);
ANALYZE;
-- query:
SELECT o.id, o.created FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.kind = 'k1' ORDER BY o.created DESC LIMIT 20;
