\set i random(1, 600000)
SELECT amount FROM sales WHERE id = :i;
\sleep 20 ms
