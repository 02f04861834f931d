-- title: a rare value of a skewed column, literal
-- verdict: harmful
-- object: jobs
-- cure: jobs (state) | jobs (id) WHERE state = 'waiting' | jobs (state) WHERE state = 'waiting'
-- setup:
CREATE TABLE jobs (id bigint PRIMARY KEY, queue text, state text, run_at timestamptz, attempts integer, payload text);
INSERT INTO jobs SELECT i, 'q' || i % 6, CASE WHEN i % 2000 = 0 THEN 'waiting' ELSE 'done' END, now() - (200000 - i) * interval '1 second', 0,
                        repeat('p', 120) FROM generate_series(1, 200000) i;
ANALYZE jobs;
-- query:
SELECT id FROM jobs WHERE state = 'waiting';
