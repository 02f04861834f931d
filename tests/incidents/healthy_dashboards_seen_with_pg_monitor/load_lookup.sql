\set i random(1, 350000)
SELECT cents, note FROM sales WHERE id = :i;
