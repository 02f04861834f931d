-- title: the largest of one device
-- verdict: harmful
-- object: readings
-- cure: readings (device_id, taken_at) | readings (device_id)
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
-- query:
SELECT max(taken_at) FROM readings WHERE device_id = $1;
-- truth:
SELECT max(taken_at) FROM readings WHERE device_id = 9;
