\set i random(1, 300000)
SELECT id, note FROM parcels WHERE code = md5(:i::text);
\sleep 100 ms
