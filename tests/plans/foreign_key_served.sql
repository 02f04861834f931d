-- title: a delete looks up the rows that refer to it, by an index
-- verdict: rightful
-- setup:
CREATE TABLE orders (id bigint PRIMARY KEY, state text);
INSERT INTO orders SELECT i, 'open' FROM generate_series(1, 60000) i;
CREATE TABLE lines (id bigint PRIMARY KEY, order_id bigint REFERENCES orders ON DELETE CASCADE, note text);
INSERT INTO lines SELECT i, i % 60000 + 1, repeat(md5(i::text), 4) FROM generate_series(1, 200000) i;
CREATE INDEX ON lines (order_id, id);
CREATE TABLE states (state text PRIMARY KEY, order_id bigint REFERENCES orders);
INSERT INTO states VALUES ('open', 17);
ANALYZE;
-- query:
DELETE FROM orders WHERE id = $1
