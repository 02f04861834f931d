SET client_min_messages = warning;
CREATE TABLE meters (id int PRIMARY KEY, reading bigint NOT NULL, note text NOT NULL) WITH (fillfactor = 80);
INSERT INTO meters SELECT i, 0, repeat('x', 200) FROM generate_series(1, 200000 * :scale) i;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON meters TO app;
VACUUM ANALYZE;
CHECKPOINT;
