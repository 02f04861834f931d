SET synchronous_commit = off;
CREATE TABLE visits (id int PRIMARY KEY, page text NOT NULL);
INSERT INTO visits SELECT i, md5(i::text) FROM generate_series(1, 200000) i;
GRANT SELECT ON visits TO app;
VACUUM ANALYZE;
CHECKPOINT;
