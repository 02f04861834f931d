-- title: all but those on a list that is read once
-- verdict: rightful
-- setup:
CREATE TABLE banned (sku text, active boolean, note text);
INSERT INTO banned SELECT 's' || i, i % 200 = 0, repeat('n', 120) FROM generate_series(1, 6000) i;
CREATE TABLE items (id bigint PRIMARY KEY, sku text, body text);
INSERT INTO items SELECT i, 's' || i % 50000, repeat('b', 110) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id, body FROM items WHERE sku NOT IN (SELECT sku FROM banned WHERE active);
