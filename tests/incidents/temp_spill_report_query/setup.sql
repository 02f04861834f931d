SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE orders (id int PRIMARY KEY, customer int NOT NULL, amount numeric NOT NULL, note text);
INSERT INTO orders SELECT i, i % 5000, i % 97, repeat(md5(i::text), 8) FROM generate_series(1, 400000 * :scale) i;
GRANT SELECT ON orders TO app, reports;
ANALYZE;
CHECKPOINT;
