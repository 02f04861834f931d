-- title: a new value of a key that nobody refers to
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, code text UNIQUE, state text);
INSERT INTO orders SELECT i, 'o' || i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON UPDATE CASCADE, note text);
INSERT INTO lines SELECT i, i % 60000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
UPDATE orders SET code = $2, state = $3 WHERE id = $1;
