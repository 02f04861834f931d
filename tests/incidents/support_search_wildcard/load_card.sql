\set i random(1, 400000)
SELECT name, city FROM customers WHERE id = :i;
