\set i random(1, 200000)
BEGIN;
UPDATE bookings SET guest = guest + 1 WHERE id = :i;
ROLLBACK;
