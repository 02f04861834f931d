\set id random(1, 4000)
SELECT title FROM pages WHERE id = :id;
\sleep 10 ms
