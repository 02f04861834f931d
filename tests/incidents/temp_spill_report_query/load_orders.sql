\set i random(1, 400000)
SELECT customer, amount FROM orders WHERE id = :i;
\sleep 20 ms
