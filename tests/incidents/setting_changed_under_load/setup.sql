SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE parcels (id int PRIMARY KEY, code text NOT NULL, note text);
INSERT INTO parcels SELECT i, md5(i::text), repeat(md5(i::text), 12) FROM generate_series(1, 300000 * :scale) i;
CREATE INDEX parcels_code ON parcels (code);
GRANT SELECT ON parcels TO app;
VACUUM ANALYZE;
CHECKPOINT;
