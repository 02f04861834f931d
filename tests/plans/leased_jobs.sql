-- title: jobs whose lease ran out
-- verdict: harmful
-- object: jobs
-- cure: jobs (leased_until)
-- setup:
CREATE TABLE jobs (id bigint PRIMARY KEY, leased_until timestamptz, state text, payload text);
INSERT INTO jobs SELECT i, CASE WHEN i % 3000 = 0 THEN now() - interval '1 minute' END, 'done', repeat('p', 110) FROM generate_series(1, 150000) i;
ANALYZE;
-- query:
UPDATE jobs SET state = 'waiting', leased_until = NULL WHERE leased_until < now() RETURNING id;
