\set i random(1, 20000)
SELECT place FROM parcels WHERE id = :i;
