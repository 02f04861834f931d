\set id random(1, 2000)
SELECT amount FROM readings WHERE id = :id;
\sleep 5 ms
