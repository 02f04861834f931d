-- title: a batch of the old, deleted by key: LIMIT stops the scan of a subselect
-- verdict: rightful
-- setup:
CREATE TABLE audit_log (id bigserial PRIMARY KEY, created_at timestamptz NOT NULL, entry text);
INSERT INTO audit_log (created_at, entry) SELECT timestamptz '2024-01-01 00:00+00' + i * interval '3 minutes', repeat('x', 110) FROM generate_series(1, 200000) i;
ANALYZE audit_log;
-- query:
DELETE FROM audit_log WHERE id IN (SELECT id FROM audit_log WHERE created_at < '2025-02-01 00:00+00' LIMIT 200);
