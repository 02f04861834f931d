\set i random(1, 50000)
SELECT cents FROM prices WHERE id = :i;
