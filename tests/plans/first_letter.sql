-- title: names by their first letter
-- verdict: rightful
-- setup:
CREATE TABLE people (id bigint PRIMARY KEY, name text, note text);
INSERT INTO people SELECT i, chr(97 + i % 20) || md5(i::text), repeat('n', 80) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id, name FROM people WHERE left(name, 1) = $1;
-- truth:
SELECT id, name FROM people WHERE left(name, 1) = 'c';
