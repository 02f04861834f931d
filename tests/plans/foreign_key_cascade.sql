-- title: a delete looks up the rows that refer to it, and their foreign key has no index
-- verdict: harmful
-- object: lines
-- cure: lines (order_id)
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, state text);
INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON DELETE CASCADE, note text);
INSERT INTO lines SELECT i, i % 60000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
DELETE FROM orders WHERE id = $1
-- truth:
SELECT 1 FROM ONLY lines x WHERE order_id = 4711 FOR KEY SHARE OF x
