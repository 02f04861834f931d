-- title: bookings that overlap
-- verdict: harmful
-- object: bookings
-- cure: bookings USING gist (during)
-- setup:
CREATE TABLE bookings (id integer, during daterange, pad text);
INSERT INTO bookings SELECT i, daterange(date '2000-01-01' + i % 30000, date '2000-01-03' + i % 30000), repeat('b', 90) FROM generate_series(1, 150000) i;
ANALYZE bookings;
-- query:
SELECT id FROM bookings WHERE during && $1::daterange;
-- truth:
SELECT id FROM bookings WHERE during && daterange('2024-03-01', '2024-03-03');
