\set i random(1, 400000)
UPDATE leads SET score = score + 1, touched = now() WHERE id = :i;
