-- title: all that is left after OFFSET is wanted, and there is no page
-- verdict: rightful
-- setup:
CREATE TABLE bookings (id integer PRIMARY KEY, guest integer NOT NULL, note text);
INSERT INTO bookings SELECT i, i % 5000, md5(i::text) FROM generate_series(1, 200000) i;
ANALYZE bookings;
-- query:
SELECT guest, note FROM bookings ORDER BY note, guest OFFSET 199990;
