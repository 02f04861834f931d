-- title: a staging table's text column of the same name is cast, the large table's is not
-- verdict: harmful
-- object: orders
-- cure: orders (customer_id) | orders USING hash (customer_id)
-- setup:
CREATE TABLE import_rows (id serial PRIMARY KEY, batch integer NOT NULL, customer_id text NOT NULL);
INSERT INTO import_rows (batch, customer_id) SELECT i % 250, (i * 31 % 20000)::text FROM generate_series(1, 5000) i;
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, total numeric(10,2), note text);
INSERT INTO orders SELECT i, i * 7919 % 20000, i % 900 + 0.5, repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
SELECT o.id, o.total FROM import_rows r JOIN orders o ON o.customer_id = r.customer_id::bigint WHERE r.batch = $1;
-- truth:
SELECT o.id, o.total FROM import_rows r JOIN orders o ON o.customer_id = r.customer_id::bigint WHERE r.batch = 7;
