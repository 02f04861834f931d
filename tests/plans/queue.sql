-- title: a queue that takes the next waiting job
-- verdict: harmful
-- object: jobs
-- cure: jobs (state, run_at) | jobs (state) | jobs (run_at) WHERE state = 'waiting' | jobs (state, run_at, id)
-- setup:
CREATE TABLE jobs (id bigint PRIMARY KEY, queue text, state text, run_at timestamptz, attempts integer, payload text);
INSERT INTO jobs SELECT i, 'q' || i % 6, CASE WHEN i % 2000 = 0 THEN 'waiting' ELSE 'done' END, now() - (200000 - i) * interval '1 second', 0,
                        repeat('p', 120) FROM generate_series(1, 200000) i;
ANALYZE jobs;
-- query:
SELECT id, payload FROM jobs WHERE state = $1 ORDER BY run_at LIMIT $2 FOR UPDATE SKIP LOCKED;
-- truth:
SELECT id, payload FROM jobs WHERE state = 'waiting' ORDER BY run_at LIMIT 1;
