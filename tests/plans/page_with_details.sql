-- title: a page with its details: their foreign key has no index
-- verdict: harmful
-- object: lines
-- cure: lines (order_id) | lines (order_id, id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, created timestamptz NOT NULL, note text);
INSERT INTO orders SELECT i, i % 9000, timestamptz '2024-01-01 00:00+00' + i * interval '2 minutes', repeat('o', 60) FROM generate_series(1, 100000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint NOT NULL, article text, quantity integer);
INSERT INTO lines SELECT i, i::bigint * 7919 % 100000 + 1, 'article ' || i % 900, i % 7 FROM generate_series(1, 300000) i;
ANALYZE;
-- query:
SELECT o.id, o.created, l.article, l.quantity FROM orders o LEFT JOIN lines l ON l.order_id = o.id ORDER BY o.id DESC LIMIT 20;
