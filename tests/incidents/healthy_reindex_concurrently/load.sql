\set i random(1, 100000)
SELECT body FROM items WHERE id = :i;
UPDATE items SET n = n + 1 WHERE id = :i;
