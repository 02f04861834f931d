\set i random(1, 400000)
DELETE FROM orders WHERE id = :i;
\sleep 100 ms
