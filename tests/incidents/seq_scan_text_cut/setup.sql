SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE support_owner LOGIN;
GRANT CREATE ON SCHEMA public TO support_owner;
SET ROLE support_owner;
CREATE TABLE tickets (tenant int NOT NULL, reference text NOT NULL, state text NOT NULL, body text);
INSERT INTO tickets
SELECT i % 200, 'T-' || md5(i::text), 'state ' || i % 90, repeat(md5(i::text), 20) FROM generate_series(1, 300000 * :scale) i;
GRANT SELECT ON tickets TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
