-- title: rows since a parameter
-- verdict: harmful
-- object: readings
-- cure: readings (taken_at)
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
-- query:
SELECT * FROM readings WHERE taken_at > $1;
-- truth:
SELECT * FROM readings WHERE taken_at > '2025-02-04 16:00+00';
