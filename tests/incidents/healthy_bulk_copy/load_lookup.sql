\set i random(1, 20000)
SELECT name FROM drivers WHERE id = :i;
