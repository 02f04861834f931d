-- title: places in a box of two numbers
-- verdict: harmful
-- object: places
-- cure: places (lat, lng) | places (lng, lat) | places (lat) | places (lng)
-- setup:
CREATE TABLE places (id bigint PRIMARY KEY, lat double precision NOT NULL, lng double precision NOT NULL, name text);
INSERT INTO places SELECT i, (i * 7919 % 100000) / 1000.0 - 50, (i::bigint * 104729 % 100000) / 500.0 - 100, repeat('n', 100) FROM generate_series(1, 100000) i;
ANALYZE;
-- query:
SELECT * FROM places WHERE lat BETWEEN 10 AND 10.5 AND lng BETWEEN 20 AND 21;
