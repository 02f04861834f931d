\set i random(1, 10000)
SELECT items FROM carts WHERE id = :i;
\sleep 600 s
