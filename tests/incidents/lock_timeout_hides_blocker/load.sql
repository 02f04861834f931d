\set room random(1, 20)
\sleep 150 ms
UPDATE bookings SET guests = guests + 1 WHERE room = :room;
