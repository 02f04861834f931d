\set i random(1, 500000)
SELECT root, chunks FROM metadata WHERE dump_id = :i;
