-- title: does one exist
-- verdict: harmful
-- object: visits
-- cure: visits (person_id)
-- setup:
CREATE TABLE people (id integer PRIMARY KEY, country text, city text);
INSERT INTO people SELECT i, 'c' || i % 150, 'city' || i % 3000 FROM generate_series(1, 30000) i;
CREATE TABLE visits (person_id integer, page text, at timestamp, agent text);
INSERT INTO visits SELECT i % 30000 + 1, '/p/' || i % 900, timestamp '2025-01-01' + i * interval '1 minute', repeat('a', 60)
  FROM generate_series(1, 350000) i;
ANALYZE people; ANALYZE visits;
CREATE INDEX ON people (city);
-- query:
SELECT id FROM people p WHERE p.city = $1 AND EXISTS (SELECT 1 FROM visits v WHERE v.person_id = p.id);
-- truth:
SELECT id FROM people p WHERE p.city = 'city7' AND EXISTS (SELECT 1 FROM visits v WHERE v.person_id = p.id);
