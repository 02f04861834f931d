-- title: three tables, two of them by key
-- verdict: harmful
-- object: items
-- cure: items (order_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, region text, created timestamp NOT NULL,
                     total numeric(10,2), note text);
INSERT INTO orders SELECT i, i * 7919 % 20000, CASE WHEN i % 100 < 97 THEN 'shipped' WHEN i % 100 < 99 THEN 'open' ELSE 'returned' END,
                          'r' || i % 12, timestamp '2024-01-01' + i * interval '3 minutes', i % 900 + 0.5, repeat('n', 90)
  FROM generate_series(1, 200000) i;
ANALYZE orders;
CREATE TABLE items (order_id bigint, product_id integer, qty integer, price numeric(8,2), memo text);
INSERT INTO items SELECT i / 3, i * 31 % 5000, i % 7 + 1, 9.5, repeat('m', 40) FROM generate_series(1, 400000) i;
ANALYZE items;
CREATE INDEX ON orders (customer_id);
CREATE TABLE clients (id integer PRIMARY KEY, name text UNIQUE);
INSERT INTO clients SELECT i, 'c' || i FROM generate_series(1, 20000) i;
ANALYZE clients;
-- query:
SELECT c.name, i.qty FROM clients c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id WHERE c.name = $1;
-- truth:
SELECT c.name, i.qty FROM clients c JOIN orders o ON o.customer_id = c.id JOIN items i ON i.order_id = o.id WHERE c.name = 'c77';
