-- title: a batch of the old, deleted by their place
-- verdict: rightful
-- setup:
CREATE TABLE audit (id bigserial, created_at timestamptz NOT NULL, message text);
INSERT INTO audit (created_at, message) SELECT now() - interval '90 days' + i * interval '1 minute', repeat('m', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
DELETE FROM audit WHERE ctid = ANY (ARRAY(SELECT ctid FROM audit WHERE created_at < now() - interval '30 days' LIMIT 1000));
