-- title: a partial index serves the queue
-- verdict: rightful
-- setup:
CREATE TABLE jobs (id bigint PRIMARY KEY, queue text, state text, run_at timestamptz, attempts integer, payload text);
INSERT INTO jobs SELECT i, 'q' || i % 6, CASE WHEN i % 2000 = 0 THEN 'waiting' ELSE 'done' END, now() - (200000 - i) * interval '1 second', 0,
                        repeat('p', 120) FROM generate_series(1, 200000) i;
ANALYZE jobs;
CREATE INDEX ON jobs (run_at) WHERE state = 'waiting';
-- query:
SELECT id, payload FROM jobs WHERE state = $1 ORDER BY run_at LIMIT $2;
-- truth:
SELECT id, payload FROM jobs WHERE state = 'waiting' ORDER BY run_at LIMIT 1;
