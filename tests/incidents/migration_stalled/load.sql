\set i random(1, 200000)
SELECT body FROM papers WHERE id = :i;
\sleep 20 ms
