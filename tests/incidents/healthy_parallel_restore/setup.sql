SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE items (id int PRIMARY KEY, n int NOT NULL DEFAULT 0, body text) WITH (fillfactor = 70);
INSERT INTO items SELECT i, 0, repeat('b', 100) FROM generate_series(1, 100000) i;
GRANT SELECT, UPDATE ON items TO app;

CREATE TABLE a1 AS SELECT i AS id, md5(i::text) AS b FROM generate_series(1, 400000) i;
CREATE TABLE a2 AS SELECT * FROM a1; CREATE TABLE a3 AS SELECT * FROM a1; CREATE TABLE a4 AS SELECT * FROM a1;
CREATE INDEX ON a1 (b); CREATE INDEX ON a2 (b); CREATE INDEX ON a3 (b); CREATE INDEX ON a4 (b);
ANALYZE; CHECKPOINT;
