-- title: a join of a number with a numeric
-- verdict: harmful
-- object: orders
-- cure: none: type_mismatch
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, customer_id integer NOT NULL, status text NOT NULL, region text, created timestamp NOT NULL,
                     total numeric(10,2), note text);
INSERT INTO orders SELECT i, i * 7919 % 20000, CASE WHEN i % 100 < 97 THEN 'shipped' WHEN i % 100 < 99 THEN 'open' ELSE 'returned' END,
                          'r' || i % 12, timestamp '2024-01-01' + i * interval '3 minutes', i % 900 + 0.5, repeat('n', 90)
  FROM generate_series(1, 200000) i;
ANALYZE orders;
CREATE TABLE notes (id integer PRIMARY KEY, order_ref numeric);
INSERT INTO notes SELECT i, i * 3 FROM generate_series(1, 5000) i;
ANALYZE notes;
-- query:
SELECT o.total FROM notes n JOIN orders o ON o.id = n.order_ref WHERE n.id = $1;
-- truth:
SELECT o.total FROM notes n JOIN orders o ON o.id = n.order_ref WHERE n.id = 7;
