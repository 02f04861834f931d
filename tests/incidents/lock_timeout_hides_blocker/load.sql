\set room random(1, 20)
\sleep 300 ms
UPDATE bookings SET guests = guests + 1 WHERE room = :room;
