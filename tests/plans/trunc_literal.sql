-- title: a month by date_trunc
-- verdict: harmful
-- object: tickets2
-- cure: tickets2 (date_trunc('day', opened)) | none: function
-- setup:
CREATE TABLE tickets2 (id integer, opened timestamp, pad text);
INSERT INTO tickets2 SELECT i, timestamp '2020-01-01' + i * interval '10 minutes', repeat('p', 100) FROM generate_series(1, 150000) i;
ANALYZE tickets2;
-- query:
SELECT id FROM tickets2 WHERE date_trunc('day', opened) = '2020-02-02';
