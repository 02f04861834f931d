-- half of the paths that people ask for are not there: those look-ups read all of it
\set d random(1, 2000)
\set i random(1, 250)
SELECT data FROM lsif_data_documents WHERE dump_id = :d AND path = 'cmd/frontend/internal/pkg' || :d % 37 || '/' || repeat('nested/' || md5(:i::text) || '/', 6) || 'file_' || :i || '.go' LIMIT 1;
\set rare random(1, 20)
\if :rare = 1
SELECT num_result_chunks FROM lsif_data_metadata WHERE dump_id = :d;
\endif
\sleep 400 ms
