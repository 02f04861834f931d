\set d random(1, 2000)
\set i random(1, 100)
SELECT data FROM lsif_data_definitions WHERE dump_id = :d AND scheme = 'gomod' AND identifier = 'github.com/acme/pkg' || :i % 97 || ':' || md5((:i * 3)::text) || ':Symbol' || :i LIMIT 1;
\sleep 400 ms
