\set i random(1, 5000)
SELECT body FROM pages WHERE id = :i;
