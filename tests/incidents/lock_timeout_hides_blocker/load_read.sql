\set room random(1, 2000)
SELECT guests FROM bookings WHERE room = :room;
