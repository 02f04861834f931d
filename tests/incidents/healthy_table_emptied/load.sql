\set i random(1, 200000)
SELECT page FROM visits WHERE id = :i;
