\set i random(1, 1000)
SELECT title FROM pages WHERE id = :i;
