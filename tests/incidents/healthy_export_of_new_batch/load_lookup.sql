\set i random(1, 12000)
SELECT note FROM deliveries WHERE id = :i;
