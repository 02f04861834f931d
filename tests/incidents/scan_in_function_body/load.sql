\set i random(1, 400000)
SELECT part, place FROM depot.find_part('P-' || md5(:i::text));
\sleep 200 ms
