\set d random(1, 2000)
SELECT num_result_chunks FROM lsif_data_metadata WHERE dump_id = :d LIMIT 1;
\sleep 20 ms
