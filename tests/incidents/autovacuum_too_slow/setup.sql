SET client_min_messages = warning; SET synchronous_commit = off;
CREATE TABLE claim_queue (id bigserial PRIMARY KEY, claim int NOT NULL, prio int NOT NULL, state text NOT NULL DEFAULT 'open', body text);
INSERT INTO claim_queue (claim, prio, body) SELECT i, i % 9, repeat('c', 150) FROM generate_series(1, 300000) i;
SELECT pg_stat_force_next_flush();
VACUUM ANALYZE claim_queue;
DELETE FROM claim_queue WHERE id <= 299000;
GRANT SELECT, INSERT, UPDATE, DELETE ON claim_queue TO claims; GRANT USAGE ON SEQUENCE claim_queue_id_seq TO claims;
CHECKPOINT;
