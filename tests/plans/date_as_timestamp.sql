-- title: a date column against a timestamp
-- verdict: harmful
-- object: shifts
-- cure: shifts (day)
-- setup:
CREATE TABLE shifts (id bigint PRIMARY KEY, day date, worker integer, note text);
INSERT INTO shifts SELECT i, date '2000-01-01' + i % 9000, i % 500, repeat('n', 100) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM shifts WHERE day = $1::timestamptz;
-- truth:
SELECT id FROM shifts WHERE day = timestamptz '2011-05-05';
