-- title: an update of another column asks no foreign key
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, state text);
INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders, note text);
INSERT INTO lines SELECT i, i % 60000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
UPDATE orders SET state = $2 WHERE id = $1
