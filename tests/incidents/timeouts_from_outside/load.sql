\set i random(1, 1200000)
SELECT content FROM shipments WHERE depot = :i % 50 AND label = md5(:i::text);
