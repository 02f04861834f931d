\set i random(1, 300000)
SELECT note FROM bookings WHERE id = :i;
