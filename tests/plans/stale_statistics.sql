-- title: the planner believes that one value fills the table
-- verdict: harmful
-- object: loads
-- cure: none: statistics
-- setup:
CREATE TABLE loads (batch integer, pad text);
INSERT INTO loads SELECT 1, repeat('l', 90) FROM generate_series(1, 3000) i;
CREATE INDEX ON loads (batch);
ANALYZE loads;
INSERT INTO loads SELECT i / 10 + 2, repeat('l', 90) FROM generate_series(1, 200000) i;
-- query:
SELECT * FROM loads WHERE batch = $1;
-- truth:
SELECT * FROM loads WHERE batch = 777;
