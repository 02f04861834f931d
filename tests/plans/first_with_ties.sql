-- title: the best five and those that are as good
-- verdict: harmful
-- object: runs
-- cure: runs (score)
-- setup:
CREATE TABLE runs (id bigint PRIMARY KEY, score integer, note text);
INSERT INTO runs SELECT i, (i * 7919) % 100003, repeat('b', 110) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id, score FROM runs ORDER BY score DESC FETCH FIRST 5 ROWS WITH TIES;
