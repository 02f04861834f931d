\set i random(1, 200000)
SELECT part_note(:i, false);
