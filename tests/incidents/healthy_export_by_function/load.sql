\set i random(1, 120000)
SELECT email, state FROM members WHERE id = :i;
