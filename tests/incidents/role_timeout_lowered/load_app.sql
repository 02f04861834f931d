\set i random(1, 700000)
SELECT amount FROM bookings WHERE id = :i;
