\set t random(1, 16)
\set r random(0, 1999)
SELECT id, guest, day FROM t:t.bookings WHERE room = :r;
