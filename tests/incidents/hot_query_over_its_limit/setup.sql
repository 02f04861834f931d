SET client_min_messages = warning;
SET synchronous_commit = off;
CREATE ROLE intake_owner LOGIN;
CREATE SCHEMA intake AUTHORIZATION intake_owner;
SET ROLE intake_owner;
CREATE TABLE intake.forms (id bigint PRIMARY KEY, state text NOT NULL, serial text NOT NULL, body text);
INSERT INTO intake.forms
SELECT i, CASE WHEN i % 5000 = 0 THEN 'new' ELSE 'done' END, 'F-' || i, repeat(md5(i::text), 10) FROM generate_series(1, 300000 * :scale) i;
CREATE INDEX ON intake.forms (serial);
GRANT USAGE ON SCHEMA intake TO app;
GRANT SELECT ON intake.forms TO app;
RESET ROLE;
ANALYZE;
CHECKPOINT;
