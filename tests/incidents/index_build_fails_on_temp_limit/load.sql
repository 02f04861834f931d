\set i random(1, 500000)
SELECT data FROM documents WHERE dump_id = :i % 3000 AND path = 'src/component/' || md5((:i)::text) || '/index.ts' LIMIT 1;
