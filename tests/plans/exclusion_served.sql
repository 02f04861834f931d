-- title: bookings of a room that overlap, by the exclusion constraint's index
-- verdict: rightful
-- setup:
CREATE EXTENSION IF NOT EXISTS btree_gist;
CREATE TABLE bookings (id bigserial PRIMARY KEY, room integer NOT NULL, during tstzrange NOT NULL, who text);
INSERT INTO bookings (room, during, who) SELECT i % 500, tstzrange(timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', timestamptz '2024-01-01 00:30+00' + i * interval '1 hour'), repeat('w', 110) FROM generate_series(1, 100000) i;
ALTER TABLE bookings ADD EXCLUDE USING gist (room WITH =, during WITH &&);
ANALYZE bookings;
-- query:
SELECT id FROM bookings WHERE room = $1 AND during && tstzrange($2, $3);
-- truth:
SELECT id FROM bookings WHERE room = 7 AND during && tstzrange('2024-03-01 00:00+00', '2024-03-02 00:00+00');
