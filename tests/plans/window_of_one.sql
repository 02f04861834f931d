-- title: the newest of one sensor by a window
-- verdict: harmful
-- object: readings
-- cure: readings (sensor) | readings (sensor, at) | readings (sensor, at DESC)
-- setup:
CREATE TABLE readings (id bigserial PRIMARY KEY, sensor integer NOT NULL, at timestamptz NOT NULL, value float8, pad text);
INSERT INTO readings (sensor, at, value, pad) SELECT i % 5000, timestamptz '2024-01-01 00:00+00' + i * interval '20 seconds', i % 97, repeat('r', 60) FROM generate_series(1, 200000) i;
ANALYZE readings;
-- query:
SELECT * FROM (SELECT r.*, row_number() OVER (PARTITION BY sensor ORDER BY at DESC) AS n FROM readings r) x WHERE sensor = $1 AND n <= 3;
-- truth:
SELECT * FROM (SELECT r.*, row_number() OVER (PARTITION BY sensor ORDER BY at DESC) AS n FROM readings r) x WHERE sensor = 7 AND n <= 3;
