\set i random(1, 10000)
SELECT text FROM notes WHERE id = :i;
