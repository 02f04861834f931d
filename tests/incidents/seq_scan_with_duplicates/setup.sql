SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE uploads_owner LOGIN;
GRANT CREATE ON SCHEMA public TO uploads_owner;
SET ROLE uploads_owner;
CREATE TABLE uploads (token text, owner int, state text);
INSERT INTO uploads
SELECT md5(i::text), i % 700, repeat('s', 60) FROM generate_series(1, 380000 * :scale) i;
INSERT INTO uploads SELECT md5(i::text), i % 700, 'again' FROM generate_series(1000, 1039) i;
GRANT SELECT ON uploads TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
