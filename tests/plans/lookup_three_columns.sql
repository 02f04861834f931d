-- title: look-up by three columns
-- verdict: harmful
-- object: readings
-- cure: readings (device_id, kind, taken_at) | readings (device_id, taken_at, kind) | readings (device_id, taken_at) | readings (kind, device_id, taken_at) | readings (taken_at, device_id) | readings (taken_at, device_id, kind)
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
-- query:
SELECT value FROM readings WHERE device_id = $1 AND kind = $2 AND taken_at = $3;
-- truth:
SELECT value FROM readings WHERE device_id = 5 AND kind = 1 AND taken_at = '2025-01-01 00:00:50+00';
