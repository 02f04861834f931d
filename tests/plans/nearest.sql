-- title: the nearest shops
-- verdict: harmful
-- object: shops
-- cure: shops USING gist (place)
-- setup:
CREATE TABLE shops (id integer, place point, pad text);
INSERT INTO shops SELECT i, point(i % 1000, i / 1000), repeat('s', 90) FROM generate_series(1, 150000) i;
ANALYZE shops;
-- query:
SELECT id FROM shops ORDER BY place <-> point(3, 4) LIMIT 5;
