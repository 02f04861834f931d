SET search_path = t17;
\set r random(0, 1999)
SELECT id, guest, day FROM bookings WHERE room = :r;
\sleep 100 ms
