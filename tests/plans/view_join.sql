-- title: a join with a view that computes a column
-- verdict: harmful
-- object: orders
-- cure: orders (customer_id) | orders USING hash (customer_id)
-- setup:
CREATE TABLE customers (id integer PRIMARY KEY, email text NOT NULL);
INSERT INTO customers SELECT i, 'c' || i || '@example.org' FROM generate_series(0, 19999) i;
CREATE UNIQUE INDEX ON customers (email);
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric(10,2) NOT NULL, tax numeric(10,2) NOT NULL, note text);
INSERT INTO orders SELECT i, i * 7919 % 20000, i % 900 + 0.5, i % 90, repeat('x', 100) FROM generate_series(1, 200000) i;
CREATE VIEW order_totals AS SELECT id, customer_id, total + tax AS gross FROM orders;
ANALYZE;
-- query:
SELECT t.id, t.gross FROM customers c JOIN order_totals t ON t.customer_id = c.id WHERE c.email = $1;
-- truth:
SELECT t.id, t.gross FROM customers c JOIN order_totals t ON t.customer_id = c.id WHERE c.email = 'c77@example.org';
