-- title: a small table without an index
-- verdict: rightful
-- setup:
CREATE TABLE countries (code text, name text); INSERT INTO countries SELECT 'c' || i, 'n' FROM generate_series(1, 250) i; ANALYZE countries;
-- query:
SELECT * FROM countries WHERE code = $1;
-- truth:
SELECT * FROM countries WHERE code = 'c7';
