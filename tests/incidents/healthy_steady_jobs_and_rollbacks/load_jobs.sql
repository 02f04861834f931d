\set i random(1, 19000)
SELECT tidy_up(:i);
