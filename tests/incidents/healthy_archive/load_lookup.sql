\set i random(1, 20000)
SELECT name FROM users WHERE id = :i;
\sleep 20 ms
