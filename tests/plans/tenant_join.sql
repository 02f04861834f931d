-- title: each table of a join is scoped to one of sixty tenants
-- verdict: harmful
-- object: orders
-- cure: orders (customer_id) | orders (customer_id, tenant_id) | orders (tenant_id, customer_id)
-- setup:
CREATE TABLE customers (id integer PRIMARY KEY, tenant_id integer NOT NULL, email text NOT NULL);
INSERT INTO customers SELECT i, i % 60, 'c' || i || '@example.org' FROM generate_series(0, 19999) i;
CREATE UNIQUE INDEX ON customers (email);
CREATE TABLE orders (id bigint PRIMARY KEY, tenant_id integer NOT NULL, customer_id integer NOT NULL, total numeric(10,2), note text);
INSERT INTO orders SELECT i, i % 20000 % 60, i % 20000, i % 900 + 0.5, repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
SELECT o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.tenant_id = $1 AND c.email = $2 AND o.tenant_id = $3;
-- truth:
SELECT o.id, o.total FROM customers c JOIN orders o ON o.customer_id = c.id WHERE c.tenant_id = 17 AND c.email = 'c77@example.org' AND o.tenant_id = 17;
