-- title: one customer through a view of two tables
-- verdict: harmful
-- object: orders_old
-- cure: orders_old (customer_id)
-- setup:
CREATE TABLE orders_now (id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric, note text);
CREATE TABLE orders_old (id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric, note text);
INSERT INTO orders_now SELECT i, i % 9000, i % 77, repeat('o', 90) FROM generate_series(1, 20000) i;
INSERT INTO orders_old SELECT i, i % 9000, i % 77, repeat('o', 90) FROM generate_series(1, 180000) i;
CREATE INDEX ON orders_now (customer_id);
CREATE VIEW all_orders AS SELECT * FROM orders_now UNION ALL SELECT * FROM orders_old;
ANALYZE;
-- query:
SELECT id, total FROM all_orders WHERE customer_id = $1;
-- truth:
SELECT id, total FROM all_orders WHERE customer_id = 77;
