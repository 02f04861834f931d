-- title: two arms, one without an index
-- verdict: harmful
-- object: visits
-- cure: visits (page, at) | visits (at, page) | visits (page) | visits (at)
-- setup:
CREATE TABLE people (id integer PRIMARY KEY, country text, city text);
INSERT INTO people SELECT i, 'c' || i % 150, 'city' || i % 3000 FROM generate_series(1, 30000) i;
CREATE TABLE visits (person_id integer, page text, at timestamp, agent text);
INSERT INTO visits SELECT i % 30000 + 1, '/p/' || i % 900, timestamp '2025-01-01' + i * interval '1 minute', repeat('a', 60)
  FROM generate_series(1, 350000) i;
ANALYZE people; ANALYZE visits;
-- query:
SELECT city AS what FROM people WHERE id = $1 UNION ALL SELECT agent FROM visits WHERE page = $2 AND at = $3;
-- truth:
SELECT city AS what FROM people WHERE id = 3 UNION ALL SELECT agent FROM visits WHERE page = '/p/5' AND at = '2025-01-01 00:05';
