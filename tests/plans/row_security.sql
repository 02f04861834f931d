-- title: rows of the tenant, by a policy
-- verdict: harmful
-- object: notes
-- cure: notes (tenant_id) | notes (tenant_id, created_at) | notes (tenant_id, created_at DESC)
-- setup:
CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id integer NOT NULL, created_at timestamptz NOT NULL, body text);
INSERT INTO notes SELECT i, i * 7919 % 500, timestamptz '2024-01-01 00:00+00' + i * interval '5 minutes', repeat('b', 100) FROM generate_series(1, 100000) i;
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
CREATE POLICY tenant ON notes USING (tenant_id = current_setting('app.tenant', true)::integer);
ANALYZE;
-- query:
SELECT id, body FROM notes ORDER BY created_at DESC LIMIT 20;
-- truth:
SELECT id, body FROM notes WHERE tenant_id = 7 ORDER BY created_at DESC LIMIT 20;
