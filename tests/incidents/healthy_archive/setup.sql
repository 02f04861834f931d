SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE audit_archive (at timestamptz NOT NULL, who text, what text);
CREATE TABLE users (id int PRIMARY KEY, name text);
INSERT INTO users SELECT i, md5(i::text) FROM generate_series(1, 20000) i;
INSERT INTO audit_archive
SELECT '2026-01-01'::timestamptz + i * interval '1 s', 'user ' || i % 20000, repeat(md5(i::text), 24)
FROM generate_series(1, 250000 * :scale) i;
GRANT SELECT ON users TO app;
GRANT INSERT ON audit_archive TO app;
VACUUM ANALYZE;
-- the archive is old: what making it has read is long past
SELECT pg_stat_reset();
CHECKPOINT;
