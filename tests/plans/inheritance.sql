-- title: old-style children
-- verdict: harmful
-- object: measure_a
-- cure: measure_a (sensor) | measure (sensor)
-- setup:
CREATE TABLE measure (sensor integer, v text);
CREATE TABLE measure_a () INHERITS (measure);
INSERT INTO measure_a SELECT i % 9000, repeat('m', 100) FROM generate_series(1, 160000) i;
ANALYZE measure; ANALYZE measure_a;
-- query:
SELECT * FROM measure WHERE sensor = $1;
-- truth:
SELECT * FROM measure WHERE sensor = 7;
