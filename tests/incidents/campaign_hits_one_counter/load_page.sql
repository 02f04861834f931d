\set id random(1, 2000)
SELECT title FROM pages WHERE id = :id;
