-- title: states of a queue, in order
-- verdict: harmful
-- object: jobs
-- cure: jobs (status, created_at) | jobs (status) | jobs (created_at) WHERE status IN ('queued', 'failed')
-- setup:
CREATE TABLE jobs (id bigserial PRIMARY KEY, tenant_id integer NOT NULL, status text NOT NULL, created_at timestamptz NOT NULL, finished boolean NOT NULL, args text);
INSERT INTO jobs (tenant_id, status, created_at, finished, args)
  SELECT i % 40, CASE WHEN i % 2000 = 0 THEN 'failed' WHEN i % 2000 = 1000 THEN 'queued' ELSE 'done' END, timestamptz '2024-01-01 00:00+00' + i * interval '1 minute',
         i % 1000 <> 0, repeat('x', 110)
  FROM generate_series(1, 200000) i;
ANALYZE jobs;
-- query:
SELECT id, args FROM jobs WHERE status IN ('queued', 'failed') ORDER BY created_at LIMIT 10;
