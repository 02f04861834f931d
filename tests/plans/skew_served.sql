-- title: an index on the skewed column
-- verdict: rightful
-- setup:
CREATE TABLE jobs (id bigint PRIMARY KEY, queue text, state text, run_at timestamptz, attempts integer, payload text);
INSERT INTO jobs SELECT i, 'q' || i % 6, CASE WHEN i % 2000 = 0 THEN 'waiting' ELSE 'done' END, now() - (200000 - i) * interval '1 second', 0,
                        repeat('p', 120) FROM generate_series(1, 200000) i;
ANALYZE jobs;
CREATE INDEX ON jobs (state);
-- query:
SELECT id FROM jobs WHERE state = $1;
-- truth:
SELECT id FROM jobs WHERE state = 'waiting';
