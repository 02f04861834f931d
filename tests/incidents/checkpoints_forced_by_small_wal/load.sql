\set i random(1, 200000)
UPDATE meters SET reading = reading + 1 WHERE id = :i;
