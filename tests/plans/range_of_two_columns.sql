-- title: stays that overlap, from two columns
-- verdict: harmful
-- object: stays
-- cure: stays USING gist (daterange(arrival, departure))
-- setup:
CREATE TABLE stays (id integer, arrival date, departure date, pad text);
INSERT INTO stays SELECT i, date '2000-01-01' + i % 30000, date '2000-01-03' + i % 30000, repeat('b', 90) FROM generate_series(1, 150000) i;
ANALYZE stays;
-- query:
SELECT id FROM stays WHERE daterange(arrival, departure) && daterange('2024-03-01', '2024-03-03');
