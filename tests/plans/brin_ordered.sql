-- title: a block-range index on values in order
-- verdict: rightful
-- setup:
CREATE TABLE readings (device_id integer, kind smallint, taken_at timestamptz, value double precision, raw text);
INSERT INTO readings SELECT i % 3000, i % 4, timestamptz '2025-01-01 00:00+00' + i * interval '10 seconds', random(), repeat('r', 60)
  FROM generate_series(1, 300000) i;
ANALYZE readings;
CREATE INDEX ON readings USING brin (taken_at); ANALYZE readings;
-- query:
SELECT * FROM readings WHERE taken_at BETWEEN $1 AND $2;
-- truth:
SELECT * FROM readings WHERE taken_at BETWEEN '2025-01-09 10:00+00' AND '2025-01-09 11:00+00';
