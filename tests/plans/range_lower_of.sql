-- title: bookings that begin after a day, by lower() of a range
-- verdict: harmful
-- object: bookings
-- cure: bookings (lower(during))
-- setup:
CREATE TABLE bookings (id bigint PRIMARY KEY, room integer, during daterange, note text);
INSERT INTO bookings SELECT i, i % 300, daterange(date '2000-01-01' + i % 9000, date '2000-01-03' + i % 9000), repeat('n', 90) FROM generate_series(1, 120000) i;
ANALYZE;
-- query:
SELECT id FROM bookings WHERE lower(during) = $1;
-- truth:
SELECT id FROM bookings WHERE lower(during) = date '2011-05-05';
