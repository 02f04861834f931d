\set d random(1, 2000)
\set i random(0, 9)
SELECT data FROM lsif_data_result_chunks WHERE dump_id = :d AND idx = :i LIMIT 1;
\sleep 400 ms
