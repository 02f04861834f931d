CREATE TABLE jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL) WITH (autovacuum_enabled = off);
INSERT INTO jobs (body) SELECT 'work' FROM generate_series(1, 600000) i;
DELETE FROM jobs WHERE id <= 590000;
ANALYZE jobs;
GRANT SELECT, INSERT, UPDATE, DELETE ON jobs TO worker;
