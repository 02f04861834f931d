SET client_min_messages = warning;
CREATE TABLE visits (id int PRIMARY KEY, page int NOT NULL, visitor text NOT NULL, seen int NOT NULL);
INSERT INTO visits SELECT i, (i::bigint * 7919) % 5000, md5(i::text), 0 FROM generate_series(1, 1500000 * :scale) i;
CREATE ROLE app LOGIN;
GRANT SELECT, UPDATE ON visits TO app;
VACUUM ANALYZE;
CHECKPOINT;
