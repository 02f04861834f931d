-- title: a table below ten megabytes
-- verdict: rightful
-- setup:
CREATE TABLE plans (code text, name text); INSERT INTO plans SELECT 'c' || i, repeat('n', 60) FROM generate_series(1, 40000) i; ANALYZE plans;
-- query:
SELECT * FROM plans WHERE code = $1;
-- truth:
SELECT * FROM plans WHERE code = 'c7';
