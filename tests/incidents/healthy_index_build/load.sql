\set i random(1, 1500000)
SELECT visitor FROM visits WHERE id = :i;
UPDATE visits SET seen = seen + 1 WHERE id = :i;
