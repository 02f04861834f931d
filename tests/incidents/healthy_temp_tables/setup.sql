SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, body text) WITH (fillfactor = 70);
INSERT INTO items SELECT i, 0, repeat('b', 100) FROM generate_series(1, 100000) i;
GRANT SELECT, UPDATE ON items TO app;

CREATE SEQUENCE tickets CACHE 500;
GRANT USAGE ON SEQUENCE tickets TO app;
ANALYZE; CHECKPOINT;
