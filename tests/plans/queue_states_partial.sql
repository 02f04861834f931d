-- title: a partial index on two states serves a queue that asks for both
-- verdict: rightful
-- setup:
CREATE TABLE jobs (id bigserial PRIMARY KEY, state text NOT NULL, run_at timestamptz NOT NULL, args text);
INSERT INTO jobs (state, run_at, args)
  SELECT CASE WHEN i % 4000 = 0 THEN 'available' WHEN i % 4000 = 2000 THEN 'scheduled' ELSE 'completed' END, timestamptz '2024-01-01 00:00+00' + i * interval '1 minute',
         repeat('x', 110)
  FROM generate_series(1, 200000) i;
CREATE INDEX ON jobs (run_at) WHERE state IN ('available', 'scheduled');
ANALYZE jobs;
-- query:
SELECT id, args FROM jobs WHERE state IN ($1, $2) AND run_at <= $3 ORDER BY run_at LIMIT $4;
-- truth:
SELECT id, args FROM jobs WHERE state IN ('available', 'scheduled') AND run_at <= '2024-06-01 00:00+00' ORDER BY run_at LIMIT 10;
