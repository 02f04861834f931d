SET client_min_messages = warning;
SET synchronous_commit = off;
ALTER ROLE app SET statement_timeout = '1500ms';
CREATE ROLE support_owner LOGIN;
GRANT CREATE ON SCHEMA public TO support_owner;
SET ROLE support_owner;
CREATE TABLE tickets (tenant int NOT NULL, reference text NOT NULL, opened timestamptz NOT NULL, body text);
INSERT INTO tickets
SELECT i % 200, 'T-' || md5(i::text), '2026-01-01'::timestamptz + i * interval '7 s', repeat(md5(i::text), 30)
FROM generate_series(1, 400000 * :scale) i;
GRANT SELECT ON tickets TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
