\set i random(1, 300000)
UPDATE stock SET pieces = pieces + 1 WHERE id = :i;
