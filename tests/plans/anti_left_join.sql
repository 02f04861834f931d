-- title: people of a town who never came, by LEFT JOIN and IS NULL on the key
-- verdict: harmful
-- object: visits
-- cure: visits (person_id) | visits (person_id, id)
-- setup:
CREATE TABLE people (id integer PRIMARY KEY, city text NOT NULL, name text);
INSERT INTO people SELECT i, 'city' || i % 400, 'Name ' || i FROM generate_series(0, 19999) i;
CREATE INDEX ON people (city);
CREATE TABLE visits (id bigserial PRIMARY KEY, person_id integer NOT NULL, page text, agent text);
INSERT INTO visits (person_id, page, agent) SELECT i * 7919 % 19000, '/p/' || i % 300, repeat('x', 100) FROM generate_series(1, 200000) i;
ANALYZE;
-- query:
SELECT p.id, p.name FROM people p LEFT JOIN visits v ON v.person_id = p.id WHERE p.city = $1 AND v.id IS NULL;
-- truth:
SELECT p.id, p.name FROM people p LEFT JOIN visits v ON v.person_id = p.id WHERE p.city = 'city7' AND v.id IS NULL;
