\set i random(1, 600000)
SELECT * FROM find_vehicle(md5(:i::text));
