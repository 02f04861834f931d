\set id random(1, 2000)
SELECT price FROM articles WHERE id = :id;
\sleep 5 ms
