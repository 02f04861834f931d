-- title: a day of a timestamp with time zone
-- verdict: harmful
-- object: readings
-- cure: none: function | none: rewrite
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
CREATE INDEX ON readings (taken_at);
-- query:
SELECT value FROM readings WHERE date(taken_at) = $1;
-- truth:
SELECT value FROM readings WHERE date(taken_at) = '2025-01-05';
