-- title: two columns compared as a row
-- verdict: harmful
-- object: people
-- cure: people (first_name, last_name) | people (last_name, first_name) | people (last_name)
-- setup:
CREATE TABLE people (id bigint PRIMARY KEY, first_name text, last_name text, note text);
INSERT INTO people SELECT i, 'f' || i % 300, 'l' || i % 4000, repeat('n', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM people WHERE (first_name, last_name) = ($1, $2);
-- truth:
SELECT id FROM people WHERE (first_name, last_name) = ('f7', 'l77');
