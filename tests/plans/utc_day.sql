-- title: the day of a time in a fixed zone
-- verdict: harmful
-- object: visits
-- cure: visits (((at AT TIME ZONE 'UTC')::date)) | visits ((timezone('UTC', at)::date))
-- setup:
CREATE TABLE visits (id bigint PRIMARY KEY, at timestamptz, agent text);
INSERT INTO visits SELECT i, timestamptz '2010-01-01 00:00+00' + i * interval '1 hour', repeat('a', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT count(*) FROM visits WHERE (at AT TIME ZONE 'UTC')::date = $1;
-- truth:
SELECT count(*) FROM visits WHERE (at AT TIME ZONE 'UTC')::date = date '2015-05-05';
