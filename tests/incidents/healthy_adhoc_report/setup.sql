SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE TABLE letters (id bigint PRIMARY KEY, sender text NOT NULL, sent date NOT NULL, body text NOT NULL);
INSERT INTO letters
SELECT i, 'S-' || i % 5000, '2026-01-01'::date + i % 365, repeat(md5(i::text) || ' ', 30)
FROM generate_series(1, 300000 * :scale) i;
GRANT SELECT ON letters TO analyst;
VACUUM ANALYZE;
CHECKPOINT;
