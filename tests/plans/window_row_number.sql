-- title: the newest of each customer by a window: all rows are needed
-- verdict: rightful
-- setup:
CREATE TABLE readings (id bigserial PRIMARY KEY, sensor integer NOT NULL, at timestamptz NOT NULL, value float8, pad text);
INSERT INTO readings (sensor, at, value, pad) SELECT i % 5000, timestamptz '2024-01-01 00:00+00' + i * interval '20 seconds', i % 97, repeat('r', 60) FROM generate_series(1, 200000) i;
ANALYZE readings;
-- query:
SELECT * FROM (SELECT r.*, row_number() OVER (PARTITION BY sensor ORDER BY at DESC) AS n FROM readings r) x WHERE n <= 3;
