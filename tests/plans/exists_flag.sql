-- title: is there any
-- verdict: harmful
-- object: visits
-- cure: visits (page, person_id) | visits (person_id, page) | visits (person_id) | visits (page)
-- setup:
CREATE TABLE people (id integer PRIMARY KEY, country text, city text);
INSERT INTO people SELECT i, 'c' || i % 150, 'city' || i % 3000 FROM generate_series(1, 30000) i;
CREATE TABLE visits (person_id integer, page text, at timestamp, agent text);
INSERT INTO visits SELECT i % 30000 + 1, '/p/' || i % 900, timestamp '2025-01-01' + i * interval '1 minute', repeat('a', 60)
  FROM generate_series(1, 350000) i;
ANALYZE people; ANALYZE visits;
-- query:
SELECT EXISTS (SELECT 1 FROM visits WHERE page = $1 AND person_id = $2);
-- truth:
SELECT EXISTS (SELECT 1 FROM visits WHERE page = '/none' AND person_id = 12);
