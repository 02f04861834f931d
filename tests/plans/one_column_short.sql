-- title: the index finds too many rows, the filter drops most
-- verdict: harmful
-- object: readings
-- cure: readings (kind, device_id) | readings (device_id) | readings (device_id, kind)
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
CREATE INDEX ON readings (kind);
-- query:
SELECT * FROM readings WHERE kind = $1 AND device_id = $2;
-- truth:
SELECT * FROM readings WHERE kind = 1 AND device_id = 5;
