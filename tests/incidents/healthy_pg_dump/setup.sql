SET synchronous_commit = off;
CREATE TABLE letters (id int PRIMARY KEY, person int NOT NULL, body text NOT NULL);
INSERT INTO letters SELECT i, i % 1000, repeat(md5(i::text), 6) FROM generate_series(1, 400000 * :scale) i;
CREATE INDEX ON letters (person);
GRANT SELECT, UPDATE, INSERT ON letters TO app;
VACUUM ANALYZE;
