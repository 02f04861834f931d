SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE leads (id int PRIMARY KEY, score int NOT NULL, touched timestamptz, body text) WITH (fillfactor = 80);
INSERT INTO leads SELECT i, i % 100, now(), repeat('l', 180) FROM generate_series(1, 400000 * :scale) i;
CREATE ROLE crm_web LOGIN; GRANT SELECT, UPDATE ON leads TO crm_web;
CREATE ROLE snapshotter LOGIN; GRANT pg_checkpoint TO snapshotter;
VACUUM ANALYZE; CHECKPOINT;
