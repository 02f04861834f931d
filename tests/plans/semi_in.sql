-- title: rows whose key is in a small set
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
SELECT * FROM visits WHERE person_id IN (SELECT id FROM people WHERE city = $1);
-- truth:
SELECT * FROM visits WHERE person_id IN (SELECT id FROM people WHERE city = 'city7');
