-- title: places within a distance of a point
-- verdict: harmful
-- object: places
-- cure: places USING gist (at)
-- setup:
CREATE TABLE places (id bigint PRIMARY KEY, at point, note text);
INSERT INTO places SELECT i, point((i::bigint * 7919) % 10007, (i::bigint * 104729) % 10009), repeat('n', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM places WHERE at <@ circle(point($1, $2), 50);
-- truth:
SELECT id FROM places WHERE at <@ circle(point(500, 500), 50);
